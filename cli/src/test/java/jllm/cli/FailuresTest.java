package jllm.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import jllm.format.ModelFormatException;
import jllm.tokenize.TokenizerFormatException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which exit code and message each kind of failure gives. */
class FailuresTest {

  private static ErrorReporter reporter(PrintStream err) {
    return new ErrorReporter(
        new Streams(
            InputStream.nullInputStream(),
            new StandardOutput(OutputStream.nullOutputStream()),
            err,
            false,
            false,
            false));
  }

  private static void assertReport(int code, String message, Throwable error) {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream printer = new PrintStream(err, true, StandardCharsets.UTF_8);
    assertEquals(code, reporter(printer).report(error));
    assertEquals(
        message.isEmpty() ? "" : "jllm: " + message + "\n", err.toString(StandardCharsets.UTF_8));
  }

  @Test
  void files() {
    assertReport(3, "a.gguf: there is no such file", new NoSuchFileException("a.gguf"));
    assertReport(
        3,
        "a.gguf: no permission; see the permissions of the file and its folder",
        new AccessDeniedException("a.gguf"));
    assertReport(3, "a.gguf: is a folder", new FileSystemException("a.gguf", null, "is a folder"));
    assertReport(3, "No space left on device", new IOException("No space left on device"));
    assertReport(3, "lost", new UncheckedIOException(new IOException("lost")));
  }

  @Test
  void formats() {
    assertReport(4, "a.gguf: wrong magic", new ModelFormatException("a.gguf: wrong magic"));
    assertReport(4, "unknown model", new TokenizerFormatException("unknown model"));
  }

  @Test
  void resources() {
    assertReport(5, "too large", new ResourceException("too large"));
    assertReport(
        5,
        "not enough memory (Cannot reserve 9 bytes); lower --ctx-size, or use a smaller or more"
            + " strongly quantized model",
        new OutOfMemoryError("Cannot reserve 9 bytes"));
  }

  @Test
  void aReaderThatLeavesIsNoFailure() {
    assertReport(0, "", new StandardOutput.Failure(new IOException("Broken pipe")));
  }

  @Test
  void aFullDiskIs() {
    Run run = Run.withFailingOutput("No space left on device", 0, "--help");
    assertEquals(3, run.code());
    assertEquals(
        "jllm: standard output cannot be written to: No space left on device\n", run.err());
    assertEquals(0, Run.withFailingOutput("Broken pipe", 10, "--help").code());
  }

  @Test
  void aBugShowsItsTrace() {
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    PrintStream printer = new PrintStream(err, true, StandardCharsets.UTF_8);
    assertEquals(1, reporter(printer).report(new IllegalStateException("oops")));
    String text = err.toString(StandardCharsets.UTF_8);
    assertTrue(text.startsWith("jllm: this is a bug, please report it"), text);
    assertTrue(text.contains("IllegalStateException: oops") && text.contains("\tat "), text);
  }

  @Test
  void noFileAFolderAndAnEmptyFile(@TempDir Path folder) throws IOException {
    Run none = Run.of("inspect", folder.resolve("none.gguf").toString());
    assertEquals(3, none.code());
    assertTrue(none.err().contains("none.gguf: there is no such file"), none.err());
    Run asFile = Run.of("inspect", folder.toString());
    assertEquals(3, asFile.code(), asFile.err());
    Path empty = Files.createFile(folder.resolve("empty.gguf"));
    Run nothing = Run.of("inspect", empty.toString());
    assertEquals(4, nothing.code());
    assertTrue(nothing.err().contains("empty"), nothing.err());
  }

  @Test
  void aFileAppearsOnlyWhenComplete(@TempDir Path folder) throws IOException {
    Path target = Files.writeString(folder.resolve("out"), "before");
    try (AtomicFile file = new AtomicFile(target)) {
      file.out().write(1);
      assertEquals("before", Files.readString(target));
    }
    assertEquals("before", Files.readString(target));
    try (AtomicFile file = new AtomicFile(target)) {
      file.out().write('x');
      file.commit();
    }
    assertEquals("x", Files.readString(target));
    try (var left = Files.list(folder)) {
      assertEquals(1, left.count());
    }
    Path missing = folder.resolve("none/out");
    Run run = Run.of("logits", target.toString(), "--ids", "1", "-o", missing.toString());
    assertFalse(Files.exists(missing));
    assertEquals(4, run.code(), run.err());
  }

  @Test
  void linksAreFollowed(@TempDir Path folder) throws IOException {
    Path target = Files.writeString(folder.resolve("target"), "before");
    Path link = Files.createSymbolicLink(folder.resolve("link"), target);
    try (AtomicFile file = new AtomicFile(link)) {
      file.out().write('x');
      file.commit();
    }
    assertTrue(Files.isSymbolicLink(link));
    assertEquals("x", Files.readString(target));
  }
}
