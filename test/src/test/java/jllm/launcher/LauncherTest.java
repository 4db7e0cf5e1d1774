package jllm.launcher;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import jllm.launcher.Checkout.Outcome;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@DisabledOnOs(value = OS.WINDOWS, disabledReason = "the launcher is a shell script")
@Timeout(60)
final class LauncherTest {
  @TempDir Path folder;
  private Checkout checkout;

  @BeforeEach
  void makeCheckout() throws IOException {
    checkout = new Checkout(folder);
  }

  @Test
  void argumentsArriveAsTheyAre() throws Exception {
    Outcome outcome = checkout.launch("generate", "-p", "", "two words", "*", "$HOME", "a\\b", "-");
    assertEquals(
        List.of("generate", "-p", "", "two words", "*", "$HOME", "a\\b", "-"), outcome.arguments());
  }

  @Test
  void argumentsAreUtf8WhateverTheLocale() throws Exception {
    Outcome outcome =
        checkout.launch(checkout.launcher.toString(), Map.of("LC_ALL", "C"), "generate");
    assertEquals("LC_ALL=C.UTF-8", outcome.out().getFirst());
  }

  @Test
  void theUsersJvmOptionsComeAfterItsOwn() throws Exception {
    List<String> out =
        checkout
            .launch(checkout.launcher.toString(), Map.of("JLLM_JAVA_OPTS", "-Xmx1g -Da=*"))
            .out();
    assertTrue(
        out.indexOf("-Xmx1g")
            > out.indexOf("@" + checkout.root.toRealPath() + "/scripts/jvm.options"));
    assertTrue(out.contains("-Da=*"));
  }

  @Test
  void statusIsTheProgramsOwn() throws Exception {
    assertEquals(6, checkout.launch(checkout.launcher.toString(), Map.of("STATUS", "6")).status());
  }

  @Test
  void onlyTheIncubatorWarningIsDropped() throws Exception {
    checkout.launch();
    // What the JVM itself writes is passed on by another process, while the JVM runs or after.
    Process process =
        checkout.start(checkout.launcher.toString(), Map.of("WAIT", "yes"), "generate");
    BufferedReader err = process.errorReader();
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      lines.add(err.readLine());
    }
    process.getOutputStream().close();
    assertEquals(0, process.waitFor());
    assertNull(err.readLine());
    Collections.sort(lines);
    assertEquals(List.of("Picked up something", "of the JVM", "of the program"), lines);
  }

  @Test
  void onlyCommandsThatComputeGetTheVectorApi() throws Exception {
    String computing = "@" + checkout.root.toRealPath() + "/scripts/computing.options";
    for (String command : List.of("generate", "pretrain", "unheard-of")) {
      assertTrue(checkout.launch(command).out().contains(computing), command);
    }
    for (String command : List.of("tokenize", "--version", "")) {
      assertFalse(checkout.launch(command).out().contains(computing), command);
    }
    assertFalse(checkout.launch().out().contains(computing), "no command");
  }

  @Test
  void aCacheIsRecordedForEachKindOfCommandAndUsedFromThenOn() throws Exception {
    Map<String, String> cached = Map.of("JLLM_AOT", "");
    for (String command : List.of("tokenize", "generate")) {
      Outcome first = checkout.launch(checkout.launcher.toString(), cached, command);
      assertFalse(usesCache(first), command);
      // It is recorded in the background; the test's time limit ends the waiting.
      while (!usesCache(checkout.launch(checkout.launcher.toString(), cached, command))) {
        Thread.onSpinWait();
      }
      assertFalse(usesCache(checkout.launch(command)), "turned off");
    }
    Checkout.write(checkout.root.resolve("cli/src/main/java/A.java"), "class A {}");
    Outcome rebuilt = checkout.launch(checkout.launcher.toString(), cached, "tokenize");
    assertFalse(usesCache(rebuilt), "other jars");
    while (!usesCache(checkout.launch(checkout.launcher.toString(), cached, "tokenize"))) {
      Thread.onSpinWait();
    }
  }

  private static boolean usesCache(Outcome outcome) {
    return outcome.out().stream().anyMatch(line -> line.startsWith("-XX:AOTCache="));
  }

  @Test
  void linksLeadToIt() throws Exception {
    Path elsewhere = Files.createDirectories(folder.resolve("else where"));
    Files.createSymbolicLink(elsewhere.resolve("absolute"), checkout.launcher);
    Files.createSymbolicLink(elsewhere.resolve("relative"), Path.of("../check out/jllm"));
    Files.createSymbolicLink(elsewhere.resolve("twice"), Path.of("absolute"));
    for (String link : List.of("absolute", "relative", "twice")) {
      Outcome outcome = checkout.launch("else where/" + link, Map.of(), "x");
      assertEquals(List.of("x"), outcome.arguments(), link);
    }
    Map<String, String> path = Map.of("PATH", elsewhere + ":" + folder + "/bin:/usr/bin:/bin");
    assertEquals(List.of("x"), checkout.launch("twice", path, "x").arguments());
  }

  @Test
  void buildsOnceAndAgainWhenSourcesChanged() throws Exception {
    assertTrue(checkout.launch().err().getFirst().startsWith("jllm: building"));
    checkout.launch();
    assertEquals(1, checkout.builds(), "nothing changed");

    Path added = checkout.root.resolve("cli/src/main/java/B.java");
    Checkout.write(added, "");
    checkout.launch();
    assertEquals(2, checkout.builds(), "a file was added");

    Files.delete(added);
    checkout.launch();
    assertEquals(3, checkout.builds(), "a file was deleted");

    Checkout.write(checkout.root.resolve("cli/pom.xml"), "<project/>");
    checkout.launch();
    assertEquals(4, checkout.builds(), "a pom.xml changed");

    Checkout.write(checkout.root.resolve("cli/src/test/java/ATest.java"), "class ATest {}");
    checkout.launch();
    assertEquals(4, checkout.builds(), "a test changed");
  }

  @Test
  void aFailedBuildSaysWhyAndIsTriedAgain() throws Exception {
    checkout.maven(
        "echo '[ERROR] A.java:1: this is wrong'; echo '[ERROR] '; echo '[ERROR] advice'; exit 1");
    for (int i = 0; i < 2; i++) {
      Outcome outcome = checkout.launch();
      assertEquals(1, outcome.status());
      assertTrue(
          outcome.err().contains("[ERROR] A.java:1: this is wrong"), outcome.err()::toString);
      assertFalse(outcome.err().contains("[ERROR] advice"));
    }
    checkout.maven("");
    assertEquals(0, checkout.launch().status());
  }

  @Test
  void launchesAtTheSameTimeBuildOnce() throws Exception {
    String gate = folder.resolve("gate").toString();
    assertEquals(0, new ProcessBuilder("mkfifo", gate).start().waitFor());
    // Maven is at work from when the gate can be opened until it is closed.
    checkout.maven("read -r line <'" + gate + "'");
    Process first = checkout.start(checkout.launcher.toString(), Map.of());
    Process second;
    try (var open = Files.newOutputStream(Path.of(gate))) {
      second = checkout.start(checkout.launcher.toString(), Map.of());
      String line = second.errorReader().readLine();
      assertTrue(line != null && line.startsWith("jllm: waiting"), line);
      open.write('\n');
    }
    assertEquals(0, first.waitFor());
    assertEquals(0, second.waitFor());
    assertEquals(1, checkout.builds());
  }

  @Test
  void aFolderThatIsNoJdkIsRefused() throws Exception {
    Checkout.write(folder.resolve("jdk/release"), "JAVA_VERSION=\"21.0.2\"\n");
    Outcome outcome = checkout.launch();
    assertEquals(3, outcome.status());
    assertTrue(outcome.err().getFirst().contains("JLLM_JAVA_HOME"), outcome.err()::toString);
    assertEquals(0, checkout.builds());
  }

  @Test
  void leavesNoFilesBehind() throws Exception {
    checkout.launch();
    try (var files = Files.list(folder)) {
      assertEquals(
          List.of("bin", "builds", "check out", "jdk"),
          files.map(file -> file.getFileName().toString()).sorted().toList());
    }
  }
}
