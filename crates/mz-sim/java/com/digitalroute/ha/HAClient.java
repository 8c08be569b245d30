package com.digitalroute.ha;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.net.Socket;

/**
 * Pings a pico's HA Monitor Server: {@code HAClient PORT [HOST] [SECONDS] [debug]}. Exits with 0 if it is healthy, with 1 in
 * all other cases. The wire protocol is mz-sim's own.
 */
public final class HAClient {
    private HAClient() {}

    public static void main(String[] args) {
        int code = 1;
        try {
            String host = args.length > 1 ? args[1] : "localhost";
            int limit = 1000 * (args.length > 2 ? Integer.parseInt(args[2]) : 10);
            if (args.length > 3 && args[3].equals("debug")) {
                System.out.println("asking " + host + ":" + args[0] + ", for at most " + limit + " ms");
            }
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress(host, Integer.parseInt(args[0])), limit);
                socket.setSoTimeout(limit);
                socket.getOutputStream().write("ping\n".getBytes());
                String answer = new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
                System.out.println(answer == null ? "FAILED no answer" : answer);
                code = "OK".equals(answer) ? 0 : 1;
            }
        } catch (ArrayIndexOutOfBoundsException | NumberFormatException e) {
            System.out.println("Usage: HAClient <port> [host] [timeout in seconds] [debug]");
        } catch (IOException e) {
            System.out.println("FAILED no answer: " + e.getMessage());
        }
        System.exit(code);
    }
}
