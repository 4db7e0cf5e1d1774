package jllm.format.convert;

import java.nio.file.Path;
import java.util.Locale;

/** The formats that are written. */
public enum TargetFormat {
  GGUF,
  /** A folder of Hugging Face's programs. */
  HF,
  /** A checkpoint of llama2.c, version 0. */
  LLAMA2C;

  /** The format that a name stands for: {@code .gguf}, {@code .bin}, or a folder. */
  public static TargetFormat of(Path path) {
    String name = String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT);
    if (name.endsWith(".gguf")) {
      return GGUF;
    }
    return name.endsWith(".bin") ? LLAMA2C : HF;
  }
}
