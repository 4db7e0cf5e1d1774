package jllm.cli;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;

/**
 * What a command reads and writes: the process's own streams, or a test's.
 *
 * @param out results; bytes as they are, text in UTF-8; unbuffered, and reports failures, unlike
 *     {@link System#out}
 * @param err messages for people
 */
record Streams(
    InputStream in,
    OutputStream out,
    PrintStream err,
    boolean inIsTerminal,
    boolean outIsTerminal) {}
