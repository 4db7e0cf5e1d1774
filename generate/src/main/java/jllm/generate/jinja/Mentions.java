package jllm.generate.jinja;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a template mentions, noted while it is parsed: filters and tests that do not exist are
 * errors before anything is rendered, unless a condition guards them; macros behave by whether
 * their body uses {@code caller}, {@code kwargs} and {@code varargs}.
 */
final class Mentions {
  private static final Set<String> SPECIAL = Set.of("caller", "kwargs", "varargs");

  private final List<TemplateSyntaxException> unknown = new ArrayList<>();
  private final Deque<Set<String>> macros = new ArrayDeque<>();
  private boolean guarded;

  void filter(String name, int line) {
    if (!guarded && !Filters.exists(name)) {
      unknown.add(new TemplateSyntaxException("No filter named '" + name + "'.", line));
    }
  }

  void test(String name, int line) {
    if (!guarded && !Tests.exists(name)) {
      unknown.add(new TemplateSyntaxException("No test named '" + name + "'.", line));
    }
  }

  void variable(String name) {
    if (SPECIAL.contains(name)) {
      macros.forEach(macro -> macro.add(name));
    }
  }

  void enterMacro() {
    macros.push(new HashSet<>());
  }

  /** Which special names the macro used. */
  Set<String> leaveMacro() {
    return macros.pop();
  }

  /** Whether what follows is inside an {@code if}; returns what held before. */
  boolean guard(boolean now) {
    boolean before = guarded;
    guarded = now;
    return before;
  }

  int mark() {
    return unknown.size();
  }

  /** What was mentioned since the mark turned out to be guarded. */
  void forgiveSince(int mark) {
    unknown.subList(mark, unknown.size()).clear();
  }

  /** Fails if something is mentioned that does not exist. */
  void check() {
    if (!unknown.isEmpty()) {
      throw unknown.getFirst();
    }
  }
}
