package jllm.e2e;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only a process of its own shows: signals and pipes. */
class ProcessTest {

  /** Far more tokens than the test waits for. */
  private static Process endless(Path err, String... more) throws IOException {
    String[] args =
        Program.dream("-p", "In my dream", "-n", "-1", "-c", "20000", "--ignore-eos", "-v");
    String[] all = java.util.Arrays.copyOf(args, args.length + more.length);
    System.arraycopy(more, 0, all, args.length, more.length);
    return Program.start(err, all);
  }

  @Test
  void controlCLeavesTheTextSoFar(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Process process = endless(err);
    try (InputStream out = process.getInputStream()) {
      byte[] first = out.readNBytes(50);
      assertEquals(50, first.length, Files.readString(err));
      Program.interrupt(process);
      String rest = new String(out.readAllBytes(), StandardCharsets.UTF_8);
      assertEquals(130, process.waitFor(), Files.readString(err));
      assertTrue(rest.indexOf('\uFFFD') < 0, rest);
      assertTrue(Files.readString(err).indexOf("Exception") < 0, Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void controlCPrintsWhatWasToComeAtTheEnd(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Process process = endless(err, "--no-stream", "--echo");
    try (InputStream out = process.getInputStream()) {
      awaitLine(err, "generating", process);
      Program.interrupt(process);
      assertEquals(130, process.waitFor(), Files.readString(err));
      String text = new String(out.readAllBytes(), StandardCharsets.UTF_8);
      assertTrue(text.startsWith("In my dream"), Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void controlCInTrainingATokenizerLeavesNothingBehind(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Path out = folder.resolve("out");
    Process process =
        Program.start(err, "train-bpe", "-", "--vocab-size", "5000", "-o", out.toString());
    try (OutputStream in = process.getOutputStream()) {
      // A pipe holds less than this, so that it is reading when all is written.
      in.write("some words to count, 1234 ".repeat(40_000).getBytes(StandardCharsets.UTF_8));
      in.flush();
      Program.interrupt(process);
      assertEquals(130, process.waitFor(), Files.readString(err));
      assertFalse(Files.exists(out), Files.readString(err));
      assertTrue(Files.readString(err).indexOf("Exception") < 0, Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void controlCInWritingShardsLeavesNothingBehind(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Path out = folder.resolve("out");
    Process process = Program.start(err, "tokenize", "-f", "-", "--to-shards", out.toString());
    try (OutputStream in = process.getOutputStream()) {
      // More than a pipe and one part hold, so that tokens were written when all is.
      in.write("some words to encode, 1234 ".repeat(200_000).getBytes(StandardCharsets.UTF_8));
      in.flush();
      Program.interrupt(process);
      assertEquals(130, process.waitFor(), Files.readString(err));
      assertFalse(Files.exists(out), Files.readString(err));
      assertTrue(Files.readString(err).indexOf("Exception") < 0, Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void controlCInMeasuringPerplexity(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Path text = Files.writeString(folder.resolve("text"), "a dream of a text. ".repeat(100_000));
    String[] model = {
      Fixtures.model("aidreams260K.bin").toString(),
      "--tokenizer",
      Fixtures.model("aidreams-tok512.bin").toString()
    };
    Process process =
        Program.start(
            err,
            "perplexity",
            model[0],
            model[1],
            model[2],
            "-f",
            text.toString(),
            "--context",
            "2000");
    try {
      awaitLine(err, "made for", process); // what it says of the context, before it begins
      Program.interrupt(process);
      assertEquals(130, process.waitFor(), Files.readString(err));
      assertEquals(0, process.getInputStream().readAllBytes().length);
      assertTrue(Files.readString(err).indexOf("Exception") < 0, Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }

  private static void awaitLine(Path file, String word, Process process) throws IOException {
    while (process.isAlive() && !Files.readString(file).contains(word)) {
      Thread.onSpinWait();
    }
  }

  @Test
  void aReaderThatLeavesEndsItQuietly(@TempDir Path folder) throws Exception {
    Path err = folder.resolve("err");
    Process process = endless(err);
    try {
      try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
        assertTrue(out.read() >= 0, Files.readString(err));
      }
      assertEquals(0, process.waitFor());
      assertEquals(
          0,
          Files.readAllLines(err).stream().filter(line -> line.contains("pipe")).count(),
          Files.readString(err));
    } finally {
      process.destroyForcibly();
    }
  }
}
