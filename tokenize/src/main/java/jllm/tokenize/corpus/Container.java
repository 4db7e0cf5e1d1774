package jllm.tokenize.corpus;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Compressed files and archives, by what they begin with and what their names end with. */
enum Container {
  GZIP("gzip", List.of(".gz", ".tgz"), 0x1f, 0x8b, 0x08),
  ZSTD("zstd", List.of(".zst", ".tzst"), 0x28, 0xb5, 0x2f, 0xfd),
  XZ("xz", List.of(".xz", ".txz"), 0xfd, '7', 'z', 'X', 'Z', 0x00),
  BZIP2("bzip2", List.of(".bz2", ".tbz2"), 'B', 'Z', 'h'),
  ZIP("zip", List.of(".zip"), 'P', 'K'),
  TAR("tar", List.of(".tar"));

  /** How many bytes {@link #of} wants to see. */
  static final int HEAD = 262;

  private static final byte[] USTAR = {'u', 's', 't', 'a', 'r'};
  private static final int USTAR_AT = 257;

  private final String label;
  private final List<String> suffixes;
  private final int[] magic;

  Container(String label, List<String> suffixes, int... magic) {
    this.label = label;
    this.suffixes = suffixes;
    this.magic = magic;
  }

  /** The format's usual name. */
  String label() {
    return label;
  }

  /** What a file is, by its first bytes, or null if it is neither compressed nor an archive. */
  static @Nullable Container of(byte[] head, int length) {
    for (Container c : values()) {
      if (c.begins(head, length)) {
        return c;
      }
    }
    return null;
  }

  /** What a file claims to be by its name, or null. */
  static @Nullable Container named(String name) {
    for (Container c : values()) {
      if (c.suffixOf(name) != null) {
        return c;
      }
    }
    return null;
  }

  /** The name of what is inside: without the suffix, {@code .tgz} becoming {@code .tar}. */
  String inner(String name) {
    String suffix = suffixOf(name);
    if (suffix == null) {
      return name;
    }
    String inner = name.substring(0, name.length() - suffix.length());
    return suffix.startsWith(".t") && this != TAR ? inner + ".tar" : inner;
  }

  private @Nullable String suffixOf(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return suffixes.stream().filter(lower::endsWith).findFirst().orElse(null);
  }

  private boolean begins(byte[] head, int length) {
    if (this == TAR) {
      return length >= USTAR_AT + USTAR.length
          && Arrays.equals(head, USTAR_AT, USTAR_AT + USTAR.length, USTAR, 0, USTAR.length);
    }
    if (length < magic.length) {
      return false;
    }
    for (int i = 0; i < magic.length; i++) {
      if ((head[i] & 0xff) != magic[i]) {
        return false;
      }
    }
    // Two letters are too little to tell: the byte that follows is no text in either format.
    return switch (this) {
      case BZIP2 -> length > 9 && head[3] >= '1' && head[3] <= '9' && isBzipBlock(head);
      case ZIP -> length > 3 && (head[2] == 3 && head[3] == 4 || head[2] == 5 && head[3] == 6);
      default -> true;
    };
  }

  /** A block begins with the digits of pi, the end of an empty file with those of its root. */
  private static boolean isBzipBlock(byte[] head) {
    return head[4] == 0x31 && head[5] == 0x41 && head[6] == 0x59
        || head[4] == 0x17 && head[5] == 0x72 && head[6] == 0x45;
  }
}
