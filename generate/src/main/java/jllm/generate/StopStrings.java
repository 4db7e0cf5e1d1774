package jllm.generate;

import java.util.List;

/**
 * Lets text pass until one of the stop strings is complete, wherever the pieces that it arrives in
 * begin and end. Text that may be the start of a stop string is held back, so that nothing of one
 * ever gets through. The stop string that is complete first wins; of those complete at once, the
 * longest.
 */
final class StopStrings {
  private final String[] stops;

  /** What was not let through yet. */
  private final StringBuilder held = new StringBuilder();

  private boolean found;

  /**
   * @throws IllegalArgumentException if one is empty: it would stop everything
   */
  StopStrings(List<String> stops) {
    this.stops = stops.toArray(String[]::new);
    for (String stop : stops) {
      if (stop.isEmpty()) {
        throw new IllegalArgumentException(
            "a stop string is empty; expected at least one character");
      }
    }
  }

  /** Takes the next piece and returns what can pass, possibly nothing. */
  String push(String piece) {
    if (stops.length == 0 && held.isEmpty()) {
      return piece;
    }
    for (int i = 0; i < piece.length() && !found; i++) {
      held.append(piece.charAt(i));
      int stop = longestAtEnd(false);
      if (stop > 0) {
        found = true;
        held.setLength(held.length() - stop);
      }
    }
    return release(found ? 0 : longestAtEnd(true));
  }

  /** Whether a stop string came up: nothing passes any more. */
  boolean found() {
    return found;
  }

  /** What was held back, once no more text comes. */
  String rest() {
    return release(0);
  }

  private String release(int keep) {
    String text = held.substring(0, held.length() - keep);
    held.delete(0, text.length());
    return text;
  }

  /**
   * The length of the longest stop string, or proper beginning of one, that the held text ends
   * with.
   */
  private int longestAtEnd(boolean beginning) {
    int longest = 0;
    for (String stop : stops) {
      int most = Math.min(held.length(), beginning ? stop.length() - 1 : stop.length());
      int least = beginning ? 1 : stop.length();
      for (int length = most; length >= least && length > longest; length--) {
        if (endsWith(stop, length)) {
          longest = length;
        }
      }
    }
    return longest;
  }

  private boolean endsWith(String stop, int length) {
    int from = held.length() - length;
    for (int i = 0; i < length; i++) {
      if (held.charAt(from + i) != stop.charAt(i)) {
        return false;
      }
    }
    return true;
  }
}
