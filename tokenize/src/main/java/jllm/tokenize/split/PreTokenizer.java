package jllm.tokenize.split;

import jllm.tokenize.text.Workspace;

/** Cuts each piece of a workspace into smaller pieces. Immutable and thread-safe. */
@FunctionalInterface
public interface PreTokenizer {

  /** Replaces the pieces of the workspace, and its text where it rewrites. */
  void split(Workspace workspace);
}
