package jllm.tokenize.write;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.model.Unigram;
import jllm.tokenize.model.WordLevel;
import jllm.tokenize.model.WordPiece;
import org.jspecify.annotations.Nullable;

/**
 * Hugging Face's {@code tokenizer.json} (github.com/huggingface/tokenizers). Every component that a
 * reader knows is written as it was read; those of SentencePiece and tiktoken are replaced by
 * components of that library that give the same tokens, or refused where there are none.
 */
final class TokenizerJson {

  private final Pipeline pipeline;
  private final JsonGenerator json;
  private final List<AddedToken> added;

  private TokenizerJson(Pipeline pipeline, JsonGenerator json) {
    this.pipeline = pipeline;
    this.json = json;
    this.added = new ArrayList<>(pipeline.added());
    added.sort(Comparator.comparingInt(AddedToken::id));
  }

  static void write(Tokenizer tokenizer, OutputStream out) throws IOException {
    Pipeline pipeline = HuggingFaceForm.of(tokenizer.pipeline());
    // In memory first: a component without a form is found when its turn comes.
    ByteArrayOutputStream whole = new ByteArrayOutputStream(1 << 20);
    try (JsonGenerator json =
        new JsonFactory().createGenerator(whole).setPrettyPrinter(new DefaultPrettyPrinter())) {
      new TokenizerJson(pipeline, json).all();
    }
    whole.writeTo(out);
    out.flush();
  }

  private void all() throws IOException {
    JsonComponents components = new JsonComponents(json);
    json.writeStartObject();
    json.writeStringField("version", "1.0");
    json.writeNullField("truncation");
    json.writeNullField("padding");
    addedTokens();
    json.writeFieldName("normalizer");
    components.normalizer(pipeline.normalizer());
    json.writeFieldName("pre_tokenizer");
    components.preTokenizer(pipeline.preTokenizer());
    json.writeFieldName("post_processor");
    components.postProcessor(pipeline.postProcessor());
    json.writeFieldName("decoder");
    components.decoder(pipeline.decoder());
    json.writeFieldName("model");
    model();
    json.writeEndObject();
  }

  private void addedTokens() throws IOException {
    json.writeArrayFieldStart("added_tokens");
    for (AddedToken token : added) {
      json.writeStartObject();
      json.writeNumberField("id", token.id());
      json.writeStringField("content", token.content());
      json.writeBooleanField("single_word", token.singleWord());
      json.writeBooleanField("lstrip", token.lstrip());
      json.writeBooleanField("rstrip", token.rstrip());
      json.writeBooleanField("normalized", token.normalized());
      json.writeBooleanField("special", token.special());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  private void model() throws IOException {
    json.writeStartObject();
    switch (pipeline.model()) {
      case Bpe m -> bpe(m);
      case Unigram m -> unigram(m);
      case WordPiece m -> {
        json.writeStringField("type", "WordPiece");
        json.writeStringField("unk_token", m.unknown());
        json.writeStringField("continuing_subword_prefix", m.prefix());
        json.writeNumberField("max_input_chars_per_word", m.longestWord());
        vocabulary(m.size(), m::token);
      }
      case WordLevel m -> {
        json.writeStringField("type", "WordLevel");
        vocabulary(m.size(), m::token);
        json.writeStringField("unk_token", m.unknown());
      }
      default ->
          throw new TokenizerFormatException(
              "the model "
                  + pipeline.model().getClass().getSimpleName()
                  + " has no form in tokenizer.json");
    }
    json.writeEndObject();
  }

  private void bpe(Bpe model) throws IOException {
    Bpe.Options options = model.options();
    json.writeStringField("type", "BPE");
    json.writeNullField("dropout");
    json.writeStringField("unk_token", options.unknown());
    json.writeStringField("continuing_subword_prefix", options.continuingPrefix());
    json.writeStringField("end_of_word_suffix", options.endSuffix());
    json.writeBooleanField("fuse_unk", options.fuseUnknown());
    json.writeBooleanField("byte_fallback", options.byteFallback());
    json.writeBooleanField("ignore_merges", options.ignoreMerges());
    vocabulary(model.size(), model::token);
    // Pairs rather than one string: a token may have a space in it.
    json.writeArrayFieldStart("merges");
    for (int rank = 0; rank < model.mergeCount(); rank++) {
      json.writeStartArray();
      json.writeString(model.mergeLeft(rank));
      json.writeString(model.mergeRight(rank));
      json.writeEndArray();
    }
    json.writeEndArray();
  }

  private void unigram(Unigram model) throws IOException {
    json.writeStringField("type", "Unigram");
    if (model.unknown() < 0) {
      json.writeNullField("unk_id");
    } else {
      json.writeNumberField("unk_id", model.unknown());
    }
    json.writeBooleanField("byte_fallback", model.byteFallback());
    json.writeArrayFieldStart("vocab");
    for (int id = 0; id < model.tokens().size(); id++) {
      json.writeStartArray();
      json.writeString(model.tokens().get(id));
      json.writeNumber(model.score(id));
      json.writeEndArray();
    }
    json.writeEndArray();
  }

  /** The text of a model's token, or null. */
  private interface Texts {
    @Nullable String of(int id);
  }

  private void vocabulary(int size, Texts texts) throws IOException {
    Map<String, Integer> ids = new LinkedHashMap<>();
    for (int id = 0; id < size; id++) {
      String text = texts.of(id);
      if (text != null) {
        ids.putIfAbsent(text, id);
      }
    }
    if (!idsFollow(ids)) {
      for (AddedToken token : added) {
        ids.put(token.content(), token.id());
      }
    }
    List<Map.Entry<String, Integer>> ordered = new ArrayList<>(ids.entrySet());
    ordered.sort(Map.Entry.comparingByValue());
    json.writeObjectFieldStart("vocab");
    for (Map.Entry<String, Integer> entry : ordered) {
      json.writeNumberField(entry.getKey(), entry.getValue());
    }
    json.writeEndObject();
  }

  /**
   * Whether the library will give the added tokens their ids: those that its model does not know
   * are numbered one after the other behind it, whatever the file says.
   */
  private boolean idsFollow(Map<String, Integer> model) {
    Map<String, Integer> given = new HashMap<>();
    int highest = -1;
    for (AddedToken token : added) {
      Integer known = model.get(token.content());
      if (known == null) {
        known = given.get(token.content());
      }
      int id = known != null ? known : highest >= model.size() ? highest + 1 : model.size();
      if (id != token.id()) {
        return false;
      }
      given.put(token.content(), id);
      highest = Math.max(highest, id);
    }
    return true;
  }
}
