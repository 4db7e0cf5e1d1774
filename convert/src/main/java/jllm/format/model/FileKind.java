package jllm.format.model;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HexFormat;
import jllm.format.MappedFile;
import jllm.format.ModelFormatException;
import jllm.format.llama2c.Llama2cHeader;

/** The formats of model files, told by their first bytes. */
enum FileKind {
  GGUF,
  SAFETENSORS,
  PYTORCH,
  LLAMA2C;

  private static final int START = 64;

  /** What else people pass as a model: how it starts, and what to say. */
  private enum Stranger {
    PICKLE(
        "\u0080\u0002",
        "a Python pickle (a checkpoint of PyTorch before 1.6?); load it with PyTorch and save it"
            + " again"),
    LFS("version https://git-lfs", "a Git LFS pointer, not the file itself: run git lfs pull"),
    HTML("<", "an HTML or XML page: the download got an error message instead of the file"),
    LLAMA2C_NEWER("24ka", "a llama2.c checkpoint of version 1 or 2; export it as version 0"),
    GGML("lmgg", "a ggml file of before GGUF (2023); convert it again"),
    GGMF("fmgg", "a ggml file of before GGUF (2023); convert it again"),
    GGJT("tjgg", "a ggml file of before GGUF (2023); convert it again"),
    GGLA("algg", "an adapter of before GGUF (2023); convert it again"),
    JSON("{", "JSON text; give the folder of a Hugging Face model, or its safetensors file"),
    GZIP("\u001f\u008b", "compressed with gzip; unpack it"),
    BZIP2("BZh", "compressed with bzip2; unpack it"),
    XZ("\u00fd7zXZ", "compressed with xz; unpack it"),
    ZSTD("\u0028\u00b5\u002f\u00fd", "compressed with zstd; unpack it"),
    TOKENIZER("\n\u000e\n\u0005<unk>", "a SentencePiece tokenizer; pass it with --tokenizer"),
    NUMPY("\u0093NUMPY", "a NumPy array"),
    HDF5("\u0089HDF", "an HDF5 file; save it as safetensors"),
    ZEROS("\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000", "zeros: an interrupted download?");

    private final String magic;
    private final String meaning;

    Stranger(String magic, String meaning) {
      this.magic = magic;
      this.meaning = meaning;
    }
  }

  /**
   * Tells the format of a file.
   *
   * @throws IOException if it is missing or cannot be read
   * @throws ModelFormatException if it is none of ours; the message says what it looks like
   */
  static FileKind of(Path path) throws IOException {
    try (MappedFile file = MappedFile.open(path);
        Arena arena = Arena.ofConfined()) {
      if (file.size() == 0) {
        throw new ModelFormatException(path + ": the file is empty");
      }
      byte[] start =
          file.map(0, Math.min(START, file.size()), arena).toArray(ValueLayout.JAVA_BYTE);
      return of(path, start, file.size());
    }
  }

  private static FileKind of(Path path, byte[] start, long size) {
    String text = new String(start, StandardCharsets.ISO_8859_1);
    if (text.startsWith("GGUF")) {
      return GGUF;
    }
    ByteBuffer bytes = ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN);
    if (start.length > 8 && start[8] == '{' && bytes.getLong(0) > 0 && bytes.getInt(4) == 0) {
      return SAFETENSORS;
    }
    if (text.startsWith("PK\u0003\u0004")) {
      return PYTORCH;
    }
    if (Llama2cHeader.parse(bytes) != null) {
      return LLAMA2C;
    }
    for (Stranger stranger : Stranger.values()) {
      if (text.startsWith(stranger.magic)) {
        throw new ModelFormatException(
            "%s: not a model file that this program reads, but %s"
                .formatted(path, stranger.meaning));
      }
    }
    throw new ModelFormatException(
        "%s: not a model file that this program reads (GGUF, safetensors, PyTorch, llama2.c version 0); it has %d bytes and starts with %s"
            .formatted(
                path,
                size,
                HexFormat.ofDelimiter(" ").formatHex(start, 0, Math.min(8, start.length))));
  }
}
