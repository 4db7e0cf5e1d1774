package jllm.tokenize.write;

import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.decode.BpeDecoder;
import jllm.tokenize.decode.ByteFallbackDecoder;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.decode.CtcDecoder;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.decode.DecoderSequence;
import jllm.tokenize.decode.FuseDecoder;
import jllm.tokenize.decode.MetaspaceDecoder;
import jllm.tokenize.decode.ReplaceDecoder;
import jllm.tokenize.decode.StripDecoder;
import jllm.tokenize.decode.WordPieceDecoder;
import jllm.tokenize.normalize.BertNormalizer;
import jllm.tokenize.normalize.ByteLevelNormalizer;
import jllm.tokenize.normalize.Lowercase;
import jllm.tokenize.normalize.Nmt;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.normalize.NormalizerSequence;
import jllm.tokenize.normalize.Precompiled;
import jllm.tokenize.normalize.Prepend;
import jllm.tokenize.normalize.Replace;
import jllm.tokenize.normalize.Strip;
import jllm.tokenize.normalize.StripAccents;
import jllm.tokenize.normalize.UnicodeForm;
import jllm.tokenize.post.ClsSep;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.post.PostProcessorSequence;
import jllm.tokenize.post.Template;
import jllm.tokenize.post.TrimOffsets;
import jllm.tokenize.split.BertPreTokenizer;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.split.CharDelimiterSplit;
import jllm.tokenize.split.Digits;
import jllm.tokenize.split.FixedLength;
import jllm.tokenize.split.Metaspace;
import jllm.tokenize.split.PreTokenizer;
import jllm.tokenize.split.PreTokenizerSequence;
import jllm.tokenize.split.Punctuation;
import jllm.tokenize.split.SplitPreTokenizer;
import jllm.tokenize.split.UnicodeScripts;
import jllm.tokenize.split.Whitespace;
import jllm.tokenize.split.WhitespaceSplit;
import jllm.tokenize.text.LiteralPattern;
import jllm.tokenize.text.RegexPattern;
import jllm.tokenize.text.TextPattern;
import org.jspecify.annotations.Nullable;

/** The components of {@code tokenizer.json} as JSON; the readers know the same names. */
final class JsonComponents {

  private final JsonGenerator json;

  JsonComponents(JsonGenerator json) {
    this.json = json;
  }

  void normalizer(@Nullable Normalizer normalizer) throws IOException {
    switch (normalizer) {
      case null -> json.writeNull();
      case UnicodeForm n -> component(n.form().name());
      case Lowercase n -> component("Lowercase");
      case StripAccents n -> component("StripAccents");
      case Strip n -> component("Strip", "strip_left", n.left(), "strip_right", n.right());
      case Replace n -> component("Replace", "pattern", n.pattern(), "content", n.content());
      case Prepend n -> component("Prepend", "prepend", n.prefix());
      case BertNormalizer n ->
          component(
              "BertNormalizer",
              "clean_text",
              n.cleanText(),
              "handle_chinese_chars",
              n.handleChineseChars(),
              "strip_accents",
              n.stripAccents(),
              "lowercase",
              n.lowercase());
      case Nmt n -> component("Nmt");
      case Precompiled n ->
          component(
              "Precompiled",
              "precompiled_charsmap",
              Base64.getEncoder().encodeToString(n.map().toBytes()));
      case ByteLevelNormalizer n -> component("ByteLevel");
      case NormalizerSequence n -> sequence("normalizers", n.normalizers(), this::normalizer);
      default -> throw unknown("normalizer", normalizer);
    }
  }

  void preTokenizer(@Nullable PreTokenizer preTokenizer) throws IOException {
    switch (preTokenizer) {
      case null -> json.writeNull();
      case ByteLevel p -> byteLevel(p.addPrefixSpace(), p.trimOffsets(), p.useRegex());
      case SplitPreTokenizer p ->
          component(
              "Split",
              "pattern",
              p.pattern(),
              "behavior",
              p.behavior().label(),
              "invert",
              p.invert());
      case Digits p -> component("Digits", "individual_digits", p.individual());
      case Punctuation p -> component("Punctuation", "behavior", p.behavior().label());
      case Whitespace p -> component("Whitespace");
      case WhitespaceSplit p -> component("WhitespaceSplit");
      case CharDelimiterSplit p ->
          component("CharDelimiterSplit", "delimiter", Character.toString(p.delimiter()));
      case Metaspace p -> metaspace(p.replacement(), p.scheme(), p.split());
      case BertPreTokenizer p -> component("BertPreTokenizer");
      case UnicodeScripts p -> component("UnicodeScripts");
      case FixedLength p -> component("FixedLength", "length", p.length());
      case PreTokenizerSequence p ->
          sequence("pretokenizers", p.preTokenizers(), this::preTokenizer);
      default -> throw unknown("pre-tokenizer", preTokenizer);
    }
  }

  void decoder(@Nullable Decoder decoder) throws IOException {
    switch (decoder) {
      case null -> json.writeNull();
      case ByteLevelDecoder d -> byteLevel(true, true, true);
      case MetaspaceDecoder d -> metaspace(d.replacement(), d.scheme(), d.split());
      case WordPieceDecoder d ->
          component("WordPiece", "prefix", d.prefix(), "cleanup", d.cleanup());
      case ByteFallbackDecoder d -> component("ByteFallback");
      case FuseDecoder d -> component("Fuse");
      case StripDecoder d ->
          component(
              "Strip",
              "content",
              Character.toString(d.content()),
              "start",
              d.start(),
              "stop",
              d.stop());
      case ReplaceDecoder d -> component("Replace", "pattern", d.pattern(), "content", d.content());
      case BpeDecoder d -> component("BPEDecoder", "suffix", d.suffix());
      case CtcDecoder d ->
          component(
              "CTC",
              "pad_token",
              d.pad(),
              "word_delimiter_token",
              d.delimiter(),
              "cleanup",
              d.cleanup());
      case DecoderSequence d -> sequence("decoders", d.decoders(), this::decoder);
      default -> throw unknown("decoder", decoder);
    }
  }

  void postProcessor(PostProcessor post) throws IOException {
    if (post.equals(PostProcessor.NONE)) {
      json.writeNull();
      return;
    }
    switch (post) {
      case TrimOffsets p -> byteLevel(p.addPrefixSpace(), p.trim(), p.useRegex());
      case ClsSep p when p.trim() instanceof TrimOffsets t ->
          component(
              "RobertaProcessing",
              "sep",
              List.of(p.sepText(), p.sep()),
              "cls",
              List.of(p.clsText(), p.cls()),
              "trim_offsets",
              t.trim(),
              "add_prefix_space",
              t.addPrefixSpace());
      case ClsSep p ->
          component(
              "BertProcessing",
              "sep",
              List.of(p.sepText(), p.sep()),
              "cls",
              List.of(p.clsText(), p.cls()));
      case Template p -> template(p);
      case PostProcessorSequence p -> sequence("processors", p.processors(), this::postProcessor);
      default -> throw unknown("post-processor", post);
    }
  }

  private void template(Template template) throws IOException {
    json.writeStartObject();
    json.writeStringField("type", "TemplateProcessing");
    Map<String, Template.Part> specials = new LinkedHashMap<>();
    parts("single", template.single(), specials);
    parts("pair", template.pair(), specials);
    json.writeObjectFieldStart("special_tokens");
    for (Map.Entry<String, Template.Part> special : specials.entrySet()) {
      json.writeObjectFieldStart(special.getKey());
      json.writeStringField("id", special.getKey());
      json.writeFieldName("ids");
      value(special.getValue().ids());
      json.writeFieldName("tokens");
      value(special.getValue().tokens());
      json.writeEndObject();
    }
    json.writeEndObject();
    json.writeEndObject();
  }

  private void parts(String field, List<Template.Part> parts, Map<String, Template.Part> specials)
      throws IOException {
    json.writeArrayFieldStart(field);
    for (Template.Part part : parts) {
      json.writeStartObject();
      json.writeObjectFieldStart(part.isText() ? "Sequence" : "SpecialToken");
      json.writeStringField("id", part.name());
      json.writeNumberField("type_id", part.typeId());
      json.writeEndObject();
      json.writeEndObject();
      if (!part.isText()) {
        specials.put(part.name(), part);
      }
    }
    json.writeEndArray();
  }

  private void byteLevel(boolean prefix, boolean trim, boolean regex) throws IOException {
    component("ByteLevel", "add_prefix_space", prefix, "trim_offsets", trim, "use_regex", regex);
  }

  private void metaspace(int replacement, Metaspace.Scheme scheme, boolean split)
      throws IOException {
    component(
        "Metaspace",
        "replacement",
        Character.toString(replacement),
        "prepend_scheme",
        scheme.name().toLowerCase(Locale.ROOT),
        "split",
        split);
  }

  /** An object with its type and alternating names and values. */
  private void component(String type, @Nullable Object... fields) throws IOException {
    json.writeStartObject();
    json.writeStringField("type", type);
    for (int i = 0; i < fields.length; i += 2) {
      json.writeFieldName(String.valueOf(fields[i]));
      value(fields[i + 1]);
    }
    json.writeEndObject();
  }

  private void value(@Nullable Object value) throws IOException {
    switch (value) {
      case null -> json.writeNull();
      case Boolean b -> json.writeBoolean(b);
      case Integer n -> json.writeNumber(n);
      case String s -> json.writeString(s);
      case TextPattern p -> pattern(p);
      case List<?> list -> {
        json.writeStartArray();
        for (Object element : list) {
          value(element);
        }
        json.writeEndArray();
      }
      default -> throw new IllegalArgumentException("no JSON for " + value);
    }
  }

  private void pattern(TextPattern pattern) throws IOException {
    json.writeStartObject();
    switch (pattern) {
      case LiteralPattern p -> json.writeStringField("String", p.source());
      case RegexPattern p -> json.writeStringField("Regex", p.source());
    }
    json.writeEndObject();
  }

  /** Writes one part of a sequence. */
  private interface Part<T> {
    void write(T part) throws IOException;
  }

  private <T> void sequence(String field, List<T> parts, Part<T> write) throws IOException {
    json.writeStartObject();
    json.writeStringField("type", "Sequence");
    json.writeArrayFieldStart(field);
    for (T part : parts) {
      write.write(part);
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static TokenizerFormatException unknown(String kind, Object component) {
    return new TokenizerFormatException(
        "the "
            + kind
            + " "
            + component.getClass().getSimpleName()
            + " has no form in tokenizer.json");
  }
}
