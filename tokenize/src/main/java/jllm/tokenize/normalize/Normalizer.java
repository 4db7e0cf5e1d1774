package jllm.tokenize.normalize;

import jllm.tokenize.text.Workspace;

/** Rewrites a text before it is cut. Immutable and thread-safe. */
@FunctionalInterface
public interface Normalizer {

  /** Rewrites the text of the workspace, or leaves it as it is where nothing changes. */
  void normalize(Workspace workspace);
}
