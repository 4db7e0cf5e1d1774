package jllm.tokenize.read;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.CharConversionException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.AddedToken;
import jllm.tokenize.Pipeline;
import jllm.tokenize.SpecialIds;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.decode.ByteLevelDecoder;
import jllm.tokenize.model.Bpe;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.split.ByteLevel;
import jllm.tokenize.text.ByteAlphabet;
import org.jspecify.annotations.Nullable;

/**
 * GPT-2's pair of files: {@code vocab.json}, an object from token to id, and {@code merges.txt}, a
 * line a merge after an optional line {@code #version}. The text is split by GPT-2's pattern. A
 * token with a character outside the byte alphabet, or one that angle brackets and bars enclose, is
 * a special token.
 */
final class VocabAndMerges {

  private VocabAndMerges() {}

  static Tokenizer read(Path vocab, Path merges) throws IOException {
    @Nullable String[] tokens = vocabulary(vocab);
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < tokens.length; id++) {
      String token = tokens[id];
      if (token != null && isSpecial(token)) {
        added.add(AddedToken.special(id, token));
      }
    }
    Bpe.Builder bpe = new Bpe.Builder(tokens, Bpe.Options.NONE, true);
    readMerges(merges, bpe);
    Vocabulary vocabulary = new Vocabulary(tokens, added);
    SpecialIds ids = TokenizerConfig.beside(vocab).roles(vocabulary);
    return new Tokenizer(
        new Pipeline(
            vocab.toString(),
            vocabulary,
            added,
            null,
            new ByteLevel(false, true, true),
            bpe.build(),
            PostProcessor.NONE,
            new ByteLevelDecoder(),
            ByteAlphabet::decodeOrText,
            ids,
            EndOfGeneration.of(vocabulary, ids)));
  }

  private static boolean isSpecial(String token) {
    return ByteAlphabet.decode(token) == null
        || token.length() > 4 && token.startsWith("<|") && token.endsWith("|>");
  }

  private static @Nullable String[] vocabulary(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        JsonParser parser = Json.FACTORY.createParser(in)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new TokenizerFormatException(
            file + " is no vocabulary: it does not begin with an object of tokens and ids");
      }
      return JsonModel.vocabulary(parser, file.toString());
    } catch (JsonProcessingException | CharConversionException e) {
      throw Json.damaged(file.toString(), e);
    }
  }

  private static void readMerges(Path file, Bpe.Builder bpe) throws IOException {
    try (BufferedReader in = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      int number = 0;
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        number++;
        if (line.startsWith("#version") || line.isEmpty()) {
          continue;
        }
        int space = line.indexOf(' ');
        if (space <= 0 || space == line.length() - 1 || line.indexOf(' ', space + 1) >= 0) {
          throw new TokenizerFormatException(
              file
                  + ", line "
                  + number
                  + ": '"
                  + line
                  + "' is not two tokens with a space between");
        }
        bpe.merge(line.substring(0, space), line.substring(space + 1));
      }
    } catch (CharacterCodingException e) {
      throw new TokenizerFormatException(file + " is not valid UTF-8", e);
    }
  }
}
