package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.decode.Decoder;
import jllm.tokenize.model.Model;
import jllm.tokenize.normalize.Normalizer;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.PreTokenizer;
import org.jspecify.annotations.Nullable;

/**
 * Hugging Face's {@code tokenizer.json} (github.com/huggingface/tokenizers). Truncation and padding
 * are instructions for batches of training examples, not part of what a text's tokens are: they are
 * not followed. Neither is the dropout of a BPE model, which makes tokens random. Where Hugging
 * Face's library differs otherwise:
 *
 * <ul>
 *   <li>an added token has the id that the file gives it (the library counts on from the vocabulary
 *       and warns where that is another one);
 *   <li>where a BPE model without an unknown token leaves a character out, and where it spells the
 *       bytes of an affix, the ranges of the tokens behind stay right (the library adds up the
 *       lengths of symbols);
 *   <li>what a normalized added token took along is trimmed off its range only where it was matched
 *       as it is written;
 *   <li>{@code \X} in an expression, and letters without regard to case in a range ({@code
 *       (?i:[a-z])} and the dotless i), are those of the JDK's Unicode version.
 * </ul>
 */
final class TokenizerJson {

  private final String name;
  private final Map<String, @Nullable Object> top = new LinkedHashMap<>();
  private @Nullable JsonModel model;

  private TokenizerJson(String name) {
    this.name = name;
  }

  /** Reads a file, with {@code tokenizer_config.json} beside it if there is one. */
  static Tokenizer read(Path file) throws IOException {
    TokenizerJson json = new TokenizerJson(file.toString());
    try (InputStream in = Files.newInputStream(file)) {
      json.parse(in);
    }
    return json.build(TokenizerConfig.beside(file));
  }

  /** Reads a text. */
  static Tokenizer read(InputStream in, String name) throws IOException {
    TokenizerJson json = new TokenizerJson(name);
    json.parse(in);
    return json.build(TokenizerConfig.NONE);
  }

  private void parse(InputStream in) throws IOException {
    try (JsonParser parser = Json.FACTORY.createParser(in)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new TokenizerFormatException(
            name + " is no tokenizer: it does not begin with an object");
      }
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String field = parser.currentName();
        parser.nextToken();
        if (field.equals("model")) {
          model = JsonModel.read(parser, name);
        } else {
          top.put(field, Json.value(parser));
        }
      }
      if (parser.nextToken() != null) {
        throw new TokenizerFormatException(
            name + " goes on after the object that should be all of it; it may be damaged");
      }
    } catch (JsonProcessingException | CharConversionException e) {
      throw Json.damaged(name, e);
    }
  }

  private Tokenizer build(TokenizerConfig config) {
    if (model == null) {
      throw new TokenizerFormatException(
          name + " has no model; expected the tokenizer.json of Hugging Face's tokenizers library");
    }
    Fields f = Fields.of(name, top);
    List<AddedToken> added = added(f);
    @Nullable String[] tokens = model.tokens();
    config.addTo(added, tokens);
    checkIds(added);
    Vocabulary vocabulary = new Vocabulary(tokens, added);
    Normalizer normalizer =
        f.has("normalizer") ? JsonNormalizers.read(f.object("normalizer")) : null;
    PreTokenizer preTokenizer =
        f.has("pre_tokenizer") ? JsonPreTokenizers.read(f.object("pre_tokenizer")) : null;
    PostProcessor post =
        f.has("post_processor")
            ? JsonPostProcessors.read(f.object("post_processor"), vocabulary)
            : PostProcessor.NONE;
    Decoder decoder = f.has("decoder") ? JsonDecoders.read(f.object("decoder")) : null;
    BitSet special = new BitSet();
    added.stream().filter(AddedToken::special).forEach(token -> special.set(token.id()));
    Model built = model.build(special);
    SpecialIds ids = config.roles(vocabulary);
    BitSet ends = EndOfGeneration.of(vocabulary, ids);
    return new Tokenizer(
        new Pipeline(
            name,
            vocabulary,
            added,
            normalizer,
            preTokenizer,
            built,
            config.postProcessor(post, vocabulary, ids),
            decoder,
            Spellings.of(decoder),
            ids,
            ends));
  }

  private void checkIds(List<AddedToken> added) {
    for (AddedToken token : added) {
      if (token.id() < 0 || token.id() >= JsonModel.MOST_IDS) {
        throw new TokenizerFormatException(
            name
                + ": the added token '"
                + token.content()
                + "' has the id "
                + token.id()
                + "; expected 0 to "
                + (JsonModel.MOST_IDS - 1));
      }
    }
  }

  private static List<AddedToken> added(Fields f) {
    List<AddedToken> added = new ArrayList<>();
    if (f.has("added_tokens")) {
      for (Fields t : f.objects("added_tokens")) {
        String content = t.string("content");
        if (content.isEmpty()) {
          continue;
        }
        boolean special = t.bool("special", false);
        added.add(
            new AddedToken(
                t.integer("id"),
                content,
                t.bool("single_word", false),
                t.bool("lstrip", false),
                t.bool("rstrip", false),
                t.bool("normalized", !special),
                special));
      }
    }
    return added;
  }
}
