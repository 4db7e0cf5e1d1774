package jllm.tokenize.corpus;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * How files become documents.
 *
 * @param format what the files hold
 * @param field the field of a JSON line that holds the document
 * @param separator what stands between the documents of a text file, or null: one document a file
 * @param replaceInvalid invalid UTF-8 becomes U+FFFD; without it a document that has some is broken
 * @param skipBroken a broken document is reported and left out; without it, it ends the reading
 * @param include in folders and archives only files that match one of these globs are read: a glob
 *     without a slash is for the file name, one with a slash for the path inside; empty for all
 * @param hash whether the SHA-256 of every file is computed
 */
public record CorpusOptions(
    Format format,
    String field,
    @Nullable String separator,
    boolean replaceInvalid,
    boolean skipBroken,
    List<String> include,
    boolean hash) {

  /** What a file holds once it is decompressed. */
  public enum Format {
    /** JSON lines where the name ends with .jsonl, .ndjson or .jsonlines, else text. */
    AUTO,
    TEXT,
    JSON_LINES
  }

  /** One document a file, the field {@code text} of JSON lines, strict, no hashes. */
  public static final CorpusOptions DEFAULT =
      new CorpusOptions(Format.AUTO, "text", null, false, false, List.of(), false);

  public CorpusOptions {
    include = List.copyOf(include);
    if (separator != null && separator.isEmpty()) {
      throw new IllegalArgumentException(
          "the document separator is empty; give at least one character");
    }
  }

  public CorpusOptions withFormat(Format value) {
    return new CorpusOptions(value, field, separator, replaceInvalid, skipBroken, include, hash);
  }

  public CorpusOptions withField(String value) {
    return new CorpusOptions(format, value, separator, replaceInvalid, skipBroken, include, hash);
  }

  public CorpusOptions withSeparator(@Nullable String value) {
    return new CorpusOptions(format, field, value, replaceInvalid, skipBroken, include, hash);
  }

  public CorpusOptions withReplaceInvalid(boolean value) {
    return new CorpusOptions(format, field, separator, value, skipBroken, include, hash);
  }

  public CorpusOptions withSkipBroken(boolean value) {
    return new CorpusOptions(format, field, separator, replaceInvalid, value, include, hash);
  }

  public CorpusOptions withInclude(List<String> value) {
    return new CorpusOptions(format, field, separator, replaceInvalid, skipBroken, value, hash);
  }

  public CorpusOptions withHash(boolean value) {
    return new CorpusOptions(format, field, separator, replaceInvalid, skipBroken, include, value);
  }
}
