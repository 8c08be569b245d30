package com.digitalroute.codeserver;

import com.digitalroute.picostart.PicoStart;

/** The Platform's main class. */
public final class CodeServerMain {
    private CodeServerMain() {}

    public static void main(String[] args) throws Exception {
        PicoStart.main(args);
    }
}
