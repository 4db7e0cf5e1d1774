package jllm.tokenize.read;

import java.util.ArrayList;
import java.util.List;
import jllm.tokenize.TokenizerFormatException;
import jllm.tokenize.Vocabulary;
import jllm.tokenize.post.ClsSep;
import jllm.tokenize.post.PostProcessor;
import jllm.tokenize.post.PostProcessorSequence;
import jllm.tokenize.post.Template;
import jllm.tokenize.post.TrimOffsets;

/** The post-processors of {@code tokenizer.json}. */
final class JsonPostProcessors {

  private JsonPostProcessors() {}

  static PostProcessor read(Fields f, Vocabulary vocabulary) {
    return switch (f.type()) {
      case "ByteLevel" -> trim(f, vocabulary);
      case "BertProcessing" -> clsSep(f, vocabulary, PostProcessor.NONE);
      // Without its own fields it is read as BertProcessing.
      case "RobertaProcessing" ->
          clsSep(
              f,
              vocabulary,
              f.has("trim_offsets") && f.has("add_prefix_space")
                  ? trim(f, vocabulary)
                  : PostProcessor.NONE);
      case "TemplateProcessing" -> template(f, vocabulary);
      case "Sequence" -> {
        List<PostProcessor> list = new ArrayList<>();
        for (Fields part : f.objects("processors")) {
          list.add(read(part, vocabulary));
        }
        if (list.stream().mapToInt(JsonPostProcessors::adding).sum() > 1) {
          throw new TokenizerFormatException(
              f.path()
                  + " has more than one post-processor that adds tokens; expected one of"
                  + " TemplateProcessing, BertProcessing and RobertaProcessing");
        }
        yield new PostProcessorSequence(list);
      }
      default -> throw f.unknown("post-processor");
    };
  }

  /** How many parts of a post-processor add tokens. */
  private static int adding(PostProcessor processor) {
    return switch (processor) {
      case Template t -> 1;
      case ClsSep c -> 1;
      case PostProcessorSequence s ->
          s.processors().stream().mapToInt(JsonPostProcessors::adding).sum();
      default -> 0;
    };
  }

  private static TrimOffsets trim(Fields f, Vocabulary vocabulary) {
    return new TrimOffsets(
        vocabulary,
        f.bool("add_prefix_space", true),
        f.bool("trim_offsets", true),
        f.bool("use_regex", true));
  }

  private static PostProcessor clsSep(Fields f, Vocabulary vocabulary, PostProcessor trim) {
    return new ClsSep(
        id(f, "cls", vocabulary), text(f, "cls"), id(f, "sep", vocabulary), text(f, "sep"), trim);
  }

  /** An id that a text is given must be one that can be decoded. */
  private static int checked(String path, long id, Vocabulary vocabulary) {
    if (id < 0 || id >= vocabulary.size() || !vocabulary.has((int) id)) {
      throw new TokenizerFormatException(
          path
              + " has the id "
              + id
              + ", which no token has; the vocabulary has the ids 0 to "
              + (vocabulary.size() - 1));
    }
    return (int) id;
  }

  private static String text(Fields f, String name) {
    List<?> pair = f.list(name);
    if (pair.size() == 2 && pair.get(0) instanceof String text) {
      return text;
    }
    throw notAPair(f, name);
  }

  private static int id(Fields f, String name, Vocabulary vocabulary) {
    List<?> pair = f.list(name);
    if (pair.size() == 2 && pair.get(1) instanceof Long id) {
      return checked(f.path() + "." + name, id, vocabulary);
    }
    throw notAPair(f, name);
  }

  private static TokenizerFormatException notAPair(Fields f, String name) {
    return new TokenizerFormatException(
        f.path() + "." + name + " is " + f.list(name) + "; expected a token and its id");
  }

  private static Template template(Fields f, Vocabulary vocabulary) {
    return new Template(parts(f, "single", vocabulary), parts(f, "pair", vocabulary));
  }

  private static List<Template.Part> parts(Fields f, String name, Vocabulary vocabulary) {
    List<Template.Part> parts = new ArrayList<>();
    if (!f.has(name)) {
      return parts;
    }
    for (Fields part : f.objects(name)) {
      if (part.has("Sequence")) {
        Fields text = part.object("Sequence");
        parts.add(
            new Template.Part(text.string("id"), List.of(), List.of(), text.integer("type_id", 0)));
      } else {
        Fields special = part.object("SpecialToken");
        String id = special.string("id");
        Fields token = f.object("special_tokens").object(id);
        List<Integer> ids = new ArrayList<>();
        for (Object n : token.list("ids")) {
          if (!(n instanceof Long value)) {
            throw new TokenizerFormatException(
                token.path() + ".ids is " + token.list("ids") + "; expected whole numbers");
          }
          ids.add(checked(token.path() + ".ids", value, vocabulary));
        }
        List<String> tokens = new ArrayList<>();
        for (Object text : token.has("tokens") ? token.list("tokens") : List.of()) {
          tokens.add(String.valueOf(text));
        }
        parts.add(new Template.Part(id, ids, tokens, special.integer("type_id", 0)));
      }
    }
    return parts;
  }
}
