package com.digitalroute.picostart;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.UnknownHostException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A simulated pico instance on a real JVM. Ports, files, answers and end are those of mz-sim's native pico, whose source is the
 * reference. mzsh passes the configuration in MZ_SIM_RUN.
 */
public final class PicoStart {
    private final Map<String, String> run = new HashMap<>();
    private final Path home;
    private final String name;
    private final long pid = ProcessHandle.current().pid();
    private final String startTime;
    private volatile String state = "starting";
    private volatile String why = "signal";
    private volatile boolean inContact;
    private ServerSocket ha;
    /** When the HA Monitor Server started to count; haLogged is the number of intervals in its log. */
    private long haSince;
    private String haLogged = "0";

    /** The address is in use, or not on this node. */
    private static final class Unbound extends Exception {
        private static final long serialVersionUID = 1;
        final boolean taken;

        Unbound(String text, boolean taken) {
            super(text);
            this.taken = taken;
        }
    }

    private PicoStart() throws IOException {
        String text = System.getenv("MZ_SIM_RUN");
        if (text == null) {
            throw new IOException("MZ_SIM_RUN is not set: picos are started by mzsh");
        }
        for (String line : text.split("\n")) {
            int at = line.indexOf('=');
            run.put(line.substring(0, at), line.substring(at + 1));
        }
        home = Path.of(run.get("home"));
        name = run.get("name");
        String stat = Files.readString(Path.of("/proc/self/stat"));
        startTime = stat.substring(stat.lastIndexOf(')') + 2).split(" ")[19];
    }

    public static void main(String[] args) throws Exception {
        new PicoStart().live();
    }

    private void live() throws Exception {
        record("start", "");
        beat();
        Files.deleteIfExists(home.resolve("log/" + name + "_criticalerror.log"));
        log("starting");
        String errors = run.get("outcome").equals("errors") ? "started without the Platform's part" : null;
        ServerSocket own = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        serve(own, "rcp");
        for (String door : new String[] {"rcp", "web"}) {
            try {
                serve(listen(run.get(door)), door);
            } catch (Unbound e) {
                if (e.taken) {
                    log("critical error: " + e.getMessage());
                    record("end", "critical error: " + e.getMessage());
                    report("critical", e.getMessage());
                    Runtime.getRuntime().halt(1);
                }
                errors = door + ": " + e.getMessage();
            }
        }
        Path entry = home.resolve("tmp/.remote." + name + "." + pid);
        Files.writeString(entry, pid + " " + startTime + " " + own.getLocalPort() + "\n");
        Files.move(entry, remote(), StandardCopyOption.ATOMIC_MOVE);
        if (!run.get("pid_file").isEmpty()) {
            Files.writeString(Path.of(run.get("pid_file")), pid + "\n");
        }
        Runtime.getRuntime().addShutdownHook(new Thread(this::stop));

        long time = millis(run.get("start_time"));
        if (run.get("outcome").equals("dies")) {
            Thread.sleep(time / 2);
            log("ended: died during its start");
            record("end", "died during its start");
            Runtime.getRuntime().halt(1);
        }
        Thread.sleep(time);
        if (errors == null) {
            try {
                ha = openHa();
                serve(ha, "ha");
            } catch (Unbound e) {
                errors = "HA Monitor Server: " + e.getMessage();
            }
        }
        Socket platform = contact();
        synchronized (this) {
            if (state.equals("starting")) {
                state = "running";
            }
        }
        record(errors == null ? "ready" : "errors", errors == null ? "" : errors);
        log(errors == null ? "up and running" : errors);
        report(errors == null ? "ready" : "errors", errors == null ? "" : errors);
        keepContact(platform);
    }

    /** Runs as shutdown hook: on SIGTERM, and on a shutdown over RCP. */
    private void stop() {
        if (why.equals("signal") && setting("sigterm_orderly").equals("false")) {
            log("ended: died by a signal");
            record("end", "died by a signal");
            Runtime.getRuntime().halt(143);
        }
        synchronized (this) {
            state = "stopping";
        }
        log("stopping: " + why);
        try {
            if (ha != null) {
                ha.close();
            }
            Thread.sleep(millis(setting("stop_time")));
            if (Files.exists(remote()) && Files.readString(remote()).startsWith(pid + " ")) {
                Files.delete(remote());
            }
            Path file = Path.of(run.get("pid_file"));
            if (!run.get("pid_file").isEmpty() && Files.exists(file) && Files.readString(file).trim().equals("" + pid)) {
                Files.delete(file);
            }
        } catch (IOException | InterruptedException e) {
            log("while stopping: " + e);
        }
        log("ended: " + why);
        record("end", why);
    }

    private ServerSocket openHa() throws Unbound, IOException, InterruptedException {
        if (run.get("ha").isEmpty()) {
            return null;
        }
        List<String> said = judge("open");
        String code = said.remove(said.size() - 1);
        if (!code.equals("0")) {
            throw new Unbound(String.join(", ", said), false);
        }
        for (String remark : said) {
            log("HA Monitor Server: " + remark);
        }
        ServerSocket socket = listen(run.get("ha"));
        haSince = System.nanoTime();
        return socket;
    }

    /** The output lines and the exit code of the native program, which implements the HA Monitor Server. */
    private List<String> judge(String... question) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(home + "/java/bin/java", "mz-sim.HaMonitorServer"));
        command.addAll(List.of(question));
        Process program = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        program.getOutputStream().close();
        List<String> said = new ArrayList<>();
        BufferedReader out = new BufferedReader(new InputStreamReader(program.getInputStream(), StandardCharsets.UTF_8));
        for (String line = out.readLine(); line != null; line = out.readLine()) {
            if (!line.isEmpty()) {
                said.add(line);
            }
        }
        said.add("" + program.waitFor());
        return said;
    }

    private synchronized String haAnswer() throws IOException {
        // Without a threshold no check is needed.
        if (!run.get("kind").equals("ec") || run.keySet().stream().noneMatch(key -> key.startsWith("ha.m") || key.equals("ha.log_file"))) {
            return setting("ha_answer");
        }
        try {
            List<String> said = judge("ping", haLogged, "" + (System.nanoTime() - haSince) / 1_000_000);
            haLogged = said.get(1);
            return said.get(0);
        } catch (InterruptedException e) {
            throw new IOException(e);
        }
    }

    private static ServerSocket listen(String address) throws Unbound {
        if (address.isEmpty()) {
            return null;
        }
        int colon = address.lastIndexOf(':');
        try {
            ServerSocket socket = new ServerSocket();
            socket.bind(at(address));
            return socket;
        } catch (BindException e) {
            boolean taken = String.valueOf(e.getMessage()).contains("in use");
            throw new Unbound(taken ? address + " is in use" : "can't listen at " + address + ": " + e.getMessage(), taken);
        } catch (IOException e) {
            throw new Unbound("can't listen at " + address.substring(0, colon) + ": " + e.getMessage(), false);
        }
    }

    private static InetSocketAddress at(String address) throws UnknownHostException {
        int colon = address.lastIndexOf(':');
        return new InetSocketAddress(
                InetAddress.getByName(address.substring(0, colon)), Integer.parseInt(address.substring(colon + 1)));
    }

    private void serve(ServerSocket socket, String door) {
        if (socket != null) {
            daemon(() -> {
                while (true) {
                    Socket client = socket.accept();
                    daemon(() -> answer(client, door));
                }
            });
        }
    }

    /** Starts a daemon thread, which ends with its socket. */
    private static void daemon(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (IOException e) {
                // The peer hung up, or the listener was closed.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    private interface Work {
        void run() throws IOException;
    }

    private void answer(Socket client, String door) throws IOException {
        try (client) {
            BufferedReader in = new BufferedReader(new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8));
            OutputStream out = client.getOutputStream();
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                String said = reply(line.split(" ")[0], door);
                if (said.trim().equals("silent")) {
                    continue;
                }
                if (said.trim().equals("closed")) {
                    ha.close();
                    return;
                }
                out.write(said.getBytes(StandardCharsets.UTF_8));
                if (door.equals("rcp") && line.equals("shutdown")) {
                    why = "shutdown";
                    // A separate thread, because exit waits for the hook.
                    new Thread(() -> System.exit(0)).start();
                }
                if (!door.equals("rcp")) {
                    return;
                }
            }
        }
    }

    private String reply(String word, String door) throws IOException {
        if (door.equals("ha")) {
            return (word.equals("ping") ? haAnswer() : "FAILED not a ping") + "\n";
        }
        if (door.equals("web")) {
            String body = name + " " + status() + "\n";
            return "HTTP/1.0 200 OK\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
        }
        switch (word) {
            case "status":
                return status() + "\n";
            case "shutdown":
                return "stopping\n";
            case "ping":
                return "pong\n";
            case "hello":
                return "welcome\n";
            case "publish":
                record("publish", "");
                return "published\n";
            default:
                return "unknown\n";
        }
    }

    private String status() {
        boolean alone = state.equals("running") && !run.get("platform").isEmpty() && !inContact;
        return alone ? "running-without-platform" : state;
    }

    private Socket contact() {
        if (!run.get("platform").isEmpty()) {
            try {
                Socket socket = new Socket();
                socket.connect(at(run.get("platform")), 300);
                socket.getOutputStream().write(("hello " + name + "\n").getBytes(StandardCharsets.UTF_8));
                inContact = true;
                return socket;
            } catch (IOException e) {
                inContact = false;
            }
        }
        return null;
    }

    /** The main loop. */
    private void keepContact(Socket first) throws InterruptedException {
        Socket platform = first;
        if (run.get("platform").isEmpty()) {
            Thread.currentThread().join();
        }
        while (true) {
            if (platform == null) {
                Thread.sleep(millis(setting("platform_retry")));
                platform = contact();
            } else {
                try (Socket open = platform) {
                    while (open.getInputStream().read() >= 0) {
                        // The Platform sends only its greeting.
                    }
                } catch (IOException e) {
                    log("lost the Platform: " + e.getMessage());
                }
                inContact = false;
                platform = contact();
            }
        }
    }

    /** The current value in the settings file, the pico's own first; otherwise the value at the start. */
    private String setting(String key) {
        String value = run.get("set." + key);
        try {
            String table = "";
            boolean own = false;
            for (String line : Files.readAllLines(home.resolve("sim/settings.toml"))) {
                if (line.startsWith("[pico.")) {
                    table = line.substring(6, line.length() - 1).replace("\"", "");
                } else if (line.startsWith(key + " = ") && (table.equals(name) || table.isEmpty() && !own)) {
                    own = table.equals(name);
                    String text = line.substring(key.length() + 3);
                    value = text.substring(1, text.length() - 1).replace("\\\"", "\"").replace("\\\\", "\\");
                }
            }
        } catch (IOException e) {
            log("settings: " + e);
        }
        return value;
    }

    private static long millis(String text) {
        long number = Long.parseLong(text.replaceAll("[a-z]+$", ""));
        return text.endsWith("ms") ? number : text.endsWith("s") ? number * 1000 : number * 60_000;
    }

    /** Writes a heartbeat every 100 ms, if the setting names a directory. */
    private void beat() {
        String dir = run.get("set.heartbeats");
        if (!dir.isEmpty()) {
            daemon(() -> {
                Path file = Path.of(dir, node() + "." + pid + "." + startTime);
                try (OutputStream out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
                    while (true) {
                        out.write((System.currentTimeMillis() + "\n").getBytes(StandardCharsets.UTF_8));
                        Thread.sleep(100);
                    }
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
            });
        }
    }

    private Path remote() {
        return home.resolve("tmp/.remote/" + name);
    }

    /** Reports to the waiting mzsh, which may have given up. */
    private void report(String word, String text) {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(run.get("callback")))) {
            socket.getOutputStream().write((word + " " + text + "\n").getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            log("nobody waits for the report: " + e.getMessage());
        }
    }

    private void record(String event, String reason) {
        String text = reason.replace("\\", "\\\\").replace("\"", "\\\"");
        append("sim/history.jsonl", String.format(
                "{\"time\":%d,\"event\":\"%s\",\"pico\":\"%s\",\"node\":\"%s\",\"pid\":%d,\"starttime\":%s%s}\n",
                System.currentTimeMillis(), event, name, node(), pid, startTime,
                text.isEmpty() ? "" : ",\"reason\":\"" + text + "\""));
    }

    private static String node() {
        try {
            return Files.readString(Path.of("/proc/sys/kernel/hostname")).strip();
        } catch (IOException e) {
            return "";
        }
    }

    private void log(String text) {
        append("log/" + name + "_current.log", System.currentTimeMillis() + " " + name + " " + text + "\n");
    }

    private void append(String file, String line) {
        try {
            Files.writeString(home.resolve(file), line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException e) {
            System.err.println(file + ": " + e.getMessage());
        }
    }
}
