package jllm.tokenize.train;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.split.Gpt2Splitter;
import org.jspecify.annotations.Nullable;

/**
 * The files of a trained vocabulary in Hugging Face's two layouts: {@code tokenizer.json}, and
 * {@code vocab.json} with {@code merges.txt}.
 */
public final class TokenizerFiles {
  private static final String TOKENIZER = "tokenizer.json";
  private static final String VOCABULARY = "vocab.json";
  private static final String MERGES = "merges.txt";

  /** Their names. */
  public static final List<String> NAMES = List.of(TOKENIZER, VOCABULARY, MERGES);

  /** Writes one file. */
  private interface Content {
    void write(BufferedWriter out) throws IOException;
  }

  private TokenizerFiles() {}

  /**
   * Whether the files can be written to a folder, as far as that can be known before they are.
   *
   * @param folder is made where there is none
   * @param force whether files of these names may be replaced
   * @throws FileAlreadyExistsException if one of them is there and is not to be replaced
   * @throws IOException if the folder cannot be made or written to
   */
  public static void check(Path folder, boolean force) throws IOException {
    for (String name : NAMES) {
      Path file = folder.resolve(name);
      if (Files.isDirectory(file)) {
        throw new FileSystemException(file.toString(), null, "is a folder, expected no such file");
      }
      if (!force && Files.exists(file)) {
        throw new FileAlreadyExistsException(
            file.toString(), null, "the file exists; name another folder, or ask to replace it");
      }
    }
    Path existing = folder.toAbsolutePath();
    while (existing != null && !Files.exists(existing)) {
      existing = existing.getParent();
    }
    if (existing != null && !Files.isDirectory(existing)) {
      throw new FileSystemException(existing.toString(), null, "is a file, expected a folder");
    }
    if (existing == null || !Files.isWritable(existing)) {
      throw new AccessDeniedException(String.valueOf(existing));
    }
  }

  /** Writes all three beside their places, then moves them there. */
  static void write(TrainedBpe trained, Path folder, boolean force) throws IOException {
    check(folder, force);
    List<Path> made = missing(folder);
    Files.createDirectories(folder);
    Map<String, Content> contents = new LinkedHashMap<>();
    contents.put(VOCABULARY, out -> vocabularyFile(trained.merges(), out));
    contents.put(MERGES, out -> mergesFile(trained.merges(), out));
    contents.put(TOKENIZER, out -> tokenizerFile(trained, out));
    boolean complete = false;
    try {
      for (Map.Entry<String, Content> file : contents.entrySet()) {
        write(temporary(folder, file.getKey()), file.getValue());
      }
      for (String name : contents.keySet()) {
        Files.move(
            temporary(folder, name),
            folder.resolve(name),
            StandardCopyOption.REPLACE_EXISTING,
            StandardCopyOption.ATOMIC_MOVE);
      }
      complete = true;
    } finally {
      for (String name : contents.keySet()) {
        Files.deleteIfExists(temporary(folder, name));
      }
      if (!complete) {
        removeEmpty(made);
      }
    }
  }

  private static void write(Path file, Content content) throws IOException {
    file.toFile().deleteOnExit(); // if the process ends here
    try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
      content.write(out);
    } catch (FileSystemException e) {
      throw e;
    } catch (IOException e) {
      // A full disk does not say which.
      FileSystemException named =
          new FileSystemException(String.valueOf(file.getParent()), null, e.getMessage());
      named.initCause(e);
      throw named;
    }
  }

  /** The folders that have to be made, the innermost first. */
  private static List<Path> missing(Path folder) {
    List<Path> missing = new ArrayList<>();
    Path path = folder.toAbsolutePath();
    while (path != null && !Files.exists(path)) {
      missing.add(path);
      path = path.getParent();
    }
    return missing;
  }

  private static void removeEmpty(List<Path> folders) {
    for (Path folder : folders) {
      try {
        Files.deleteIfExists(folder);
      } catch (IOException inUse) {
        return; // someone else has put something there
      }
    }
  }

  private static Path temporary(Path folder, String name) {
    return folder.resolve("." + name + "." + ProcessHandle.current().pid() + ".tmp");
  }

  private static JsonGenerator json(BufferedWriter out) throws IOException {
    return new JsonFactory().createGenerator(out).setPrettyPrinter(new DefaultPrettyPrinter());
  }

  private static void vocabularyFile(Merges merges, BufferedWriter out) throws IOException {
    try (JsonGenerator json = new JsonFactory().createGenerator(out)) {
      vocabulary(merges, json);
    }
  }

  private static void vocabulary(Merges merges, JsonGenerator json) throws IOException {
    json.writeStartObject();
    for (int id = 0; id < merges.tokens().size(); id++) {
      json.writeNumberField(merges.tokens().get(id), id);
    }
    json.writeEndObject();
  }

  private static void mergesFile(Merges merges, BufferedWriter out) throws IOException {
    out.write("#version: 0.2\n");
    for (int i = 0; i < merges.size(); i++) {
      out.write(merges.text(i));
      out.write('\n');
    }
  }

  private static void tokenizerFile(TrainedBpe trained, BufferedWriter out) throws IOException {
    Merges merges = trained.merges();
    try (JsonGenerator json = json(out)) {
      json.writeStartObject();
      json.writeStringField("version", "1.0");
      json.writeNullField("truncation");
      json.writeNullField("padding");
      json.writeArrayFieldStart("added_tokens");
      for (int id = 0; id < merges.specialCount(); id++) {
        json.writeStartObject();
        json.writeNumberField("id", id);
        json.writeStringField("content", merges.tokens().get(id));
        json.writeBooleanField("single_word", false);
        json.writeBooleanField("lstrip", false);
        json.writeBooleanField("rstrip", false);
        json.writeBooleanField("normalized", false);
        json.writeBooleanField("special", true);
        json.writeEndObject();
      }
      json.writeEndArray();
      json.writeNullField("normalizer");
      json.writeFieldName("pre_tokenizer");
      preTokenizer(trained.expression(), json);
      json.writeNullField("post_processor");
      json.writeFieldName("decoder");
      byteLevel(true, json);
      json.writeObjectFieldStart("model");
      json.writeStringField("type", "BPE");
      json.writeNullField("dropout");
      json.writeNullField("unk_token");
      json.writeNullField("continuing_subword_prefix");
      json.writeNullField("end_of_word_suffix");
      json.writeBooleanField("fuse_unk", false);
      json.writeBooleanField("byte_fallback", false);
      json.writeBooleanField("ignore_merges", false);
      json.writeFieldName("vocab");
      vocabulary(merges, json);
      json.writeArrayFieldStart("merges");
      for (int i = 0; i < merges.size(); i++) {
        json.writeString(merges.text(i));
      }
      json.writeEndArray();
      json.writeEndObject();
      json.writeEndObject();
    }
  }

  private static void preTokenizer(@Nullable String expression, JsonGenerator json)
      throws IOException {
    if (expression == null || expression.equals(Gpt2Splitter.PATTERN)) {
      byteLevel(expression != null, json);
      return;
    }
    json.writeStartObject();
    json.writeStringField("type", "Sequence");
    json.writeArrayFieldStart("pretokenizers");
    json.writeStartObject();
    json.writeStringField("type", "Split");
    json.writeObjectFieldStart("pattern");
    json.writeStringField("Regex", expression);
    json.writeEndObject();
    json.writeStringField("behavior", "Isolated");
    json.writeBooleanField("invert", false);
    json.writeEndObject();
    byteLevel(false, json);
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void byteLevel(boolean useRegex, JsonGenerator json) throws IOException {
    json.writeStartObject();
    json.writeStringField("type", "ByteLevel");
    json.writeBooleanField("add_prefix_space", false);
    json.writeBooleanField("trim_offsets", true);
    json.writeBooleanField("use_regex", useRegex);
    json.writeEndObject();
  }
}
