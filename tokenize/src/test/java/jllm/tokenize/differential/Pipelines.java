package jllm.tokenize.differential;

import static jllm.tokenize.differential.Js.component;
import static jllm.tokenize.differential.Js.object;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import jllm.tokenize.Fixtures;
import jllm.tokenize.split.Cl100kSplitter;
import jllm.tokenize.split.DeepSeekSplitter;
import jllm.tokenize.split.O200kSplitter;
import org.jspecify.annotations.Nullable;

/** Pipelines as the files of well-known models have them, over the vocabularies at hand. */
enum Pipelines {
  /** Byte-level BPE with prefix space and trimmed ranges. */
  GPT2 {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              byteLevel(true, true),
              byteLevelPost(true),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .special("<|endoftext|>")
          .build();
    }
  },
  /** Ranges trimmed by RoBERTa's post-processor; a mask that takes the space before it along. */
  ROBERTA {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              byteLevel(false, true),
              component(
                  "RobertaProcessing",
                  "sep",
                  List.of("!", 0),
                  "cls",
                  List.of("\"", 1),
                  "trim_offsets",
                  true,
                  "add_prefix_space",
                  false),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .added("<mask>", false, true, false, false, true)
          .added("<pad>", false, false, false, true, true)
          .build();
    }
  },
  /** Llama 3: a Split, merges ignored for whole tokens, BOS by a template. */
  LLAMA3 {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              splits(Cl100kSplitter.PATTERN),
              component("Sequence", "processors", List.of(byteLevelPost(true), bos("!", 0))),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(true))
          .special("<|begin_of_text|>")
          .special("<|eot_id|>")
          .build();
    }
  },
  /** Qwen 2: NFC, single digits, added tokens that are not special. */
  QWEN2 {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component("NFC"),
              splits(Cl100kSplitter.QWEN2),
              byteLevelPost(false),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .special("<|im_start|>")
          .special("<|im_end|>")
          .added("<tool_call>", false, false, false, false, false)
          .build();
    }
  },
  /** GPT-4o's expression. */
  O200K {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null, splits(O200kSplitter.PATTERN), null, BYTE_LEVEL_DECODER, Samples.gpt2(true))
          .special("<|endoftext|>")
          .build();
    }
  },
  /** DeepSeek V3: three expressions in a row. */
  DEEPSEEK {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component("Sequence", "normalizers", List.of()),
              splits(DeepSeekSplitter.NUMBERS, DeepSeekSplitter.HAN, DeepSeekSplitter.WORDS),
              byteLevelPost(false),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .special("<\uff5cend\u2581of\u2581sentence\uff5c>")
          .build();
    }
  },
  /** Digits one by one before GPT-2's pattern. */
  STARCODER {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              component(
                  "Sequence",
                  "pretokenizers",
                  List.of(component("Digits", "individual_digits", true), byteLevel(false, true))),
              null,
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .special("<fim_prefix>")
          .build();
    }
  },
  /** Falcon: punctuation in runs, then bytes, then digits of their spelling. */
  FALCON {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              component(
                  "Sequence",
                  "pretokenizers",
                  List.of(
                      component("Punctuation", "behavior", "Contiguous"),
                      byteLevel(false, true),
                      component("Digits", "individual_digits", false),
                      component(
                          "Split",
                          "pattern",
                          object("Regex", "[0-9][0-9][0-9]"),
                          "behavior",
                          "Isolated",
                          "invert",
                          false))),
              byteLevelPost(false),
              BYTE_LEVEL_DECODER,
              Samples.gpt2(false))
          .special(">>TITLE<<")
          .build();
    }
  },
  /** A real file: NFC, byte-level BPE, added tokens of several kinds. */
  PYTHIA {
    @Override
    Map<String, @Nullable Object> json() {
      throw new UnsupportedOperationException("a file");
    }

    @Override
    String text() {
      return Fixtures.text("hf/pythia/tokenizer.json");
    }
  },
  /** Llama 2: Prepend, Replace, BPE of characters with byte fallback. */
  LLAMA2 {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component(
                  "Sequence",
                  "normalizers",
                  List.of(component("Prepend", "prepend", SPACE), SPACE_TO_MARK)),
              null,
              bos("<s>", 1),
              SPM_DECODER,
              Samples.llama())
          .special("<unk>")
          .special("<s>")
          .special("</s>")
          .build();
    }
  },
  /** Mistral: the same by Metaspace, before the first piece only. */
  MISTRAL {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              null,
              component(
                  "Metaspace", "replacement", SPACE, "prepend_scheme", "first", "split", false),
              bos("<s>", 1),
              SPM_DECODER,
              Samples.llama())
          .special("<unk>")
          .special("<s>")
          .special("</s>")
          .special("[INST]")
          .build();
    }
  },
  /** Gemma: spaces replaced, none put before; pieces end with what was a space. */
  GEMMA {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              SPACE_TO_MARK,
              component(
                  "Split",
                  "pattern",
                  object("String", " "),
                  "behavior",
                  "MergedWithPrevious",
                  "invert",
                  false),
              bos("<s>", 1),
              component(
                  "Sequence",
                  "decoders",
                  List.of(
                      component("Replace", "pattern", object("String", SPACE), "content", " "),
                      component("ByteFallback"),
                      component("Fuse"))),
              Samples.llama())
          .special("<unk>")
          .special("<s>")
          .special("<start_of_turn>")
          .added("\n\n", false, false, false, false, false)
          .build();
    }
  },
  /** T5: unigram behind SentencePiece's character map and Metaspace; EOS by a template. */
  T5 {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component("Precompiled", "precompiled_charsmap", Samples.precompiled()),
              component(
                  "Sequence",
                  "pretokenizers",
                  List.of(component("WhitespaceSplit"), metaspace("always"))),
              component(
                  "TemplateProcessing",
                  "single",
                  List.of(sequence("A"), token("</s>")),
                  "pair",
                  List.of(sequence("A"), token("</s>"), sequence("B"), token("</s>")),
                  "special_tokens",
                  object("</s>", special("</s>", 2))),
              metaspace("always"),
              Samples.unigram())
          .special("<unk>")
          .special("</s>")
          .added("<extra_id_0>", false, true, true, false, true)
          .build();
    }
  },
  /** ALBERT and its like: a chain of normalizers before unigram. */
  ALBERT {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component(
                  "Sequence",
                  "normalizers",
                  List.of(
                      component("Replace", "pattern", object("String", "``"), "content", "\""),
                      component("NFKD"),
                      component("StripAccents"),
                      component("Lowercase"),
                      component("Precompiled", "precompiled_charsmap", Samples.precompiled()),
                      component("Nmt"),
                      component("Strip", "strip_left", false, "strip_right", true),
                      component("Replace", "pattern", object("Regex", " {2,}"), "content", " "))),
              metaspace("first"),
              null,
              metaspace("first"),
              Samples.unigram())
          .special("<unk>")
          .added("[MASK]", false, true, false, false, true)
          .added("hello", true, false, false, true, false)
          .build();
    }
  },
  /** BERT: its cleaning, its splitting, WordPiece. */
  BERT {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component(
                  "BertNormalizer",
                  "clean_text",
                  true,
                  "handle_chinese_chars",
                  true,
                  "strip_accents",
                  null,
                  "lowercase",
                  true),
              component("BertPreTokenizer"),
              component(
                  "TemplateProcessing",
                  "single",
                  List.of(token("[CLS]"), sequence("A"), token("[SEP]")),
                  "pair",
                  List.of(
                      token("[CLS]"), sequence("A"), token("[SEP]"), sequence("B"), token("[SEP]")),
                  "special_tokens",
                  object("[CLS]", special("[CLS]", 101), "[SEP]", special("[SEP]", 102))),
              component("WordPiece", "prefix", "##", "cleanup", true),
              Samples.bert())
          .special("[PAD]")
          .special("[UNK]")
          .special("[CLS]")
          .special("[SEP]")
          .special("[MASK]")
          .build();
    }
  },
  /** CLIP: lower case, words that end with a suffix, what is no word removed. */
  CLIP {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component(
                  "Sequence",
                  "normalizers",
                  List.of(
                      component("NFC"),
                      component("Replace", "pattern", object("Regex", "\\s+"), "content", " "),
                      component("Lowercase"))),
              component(
                  "Sequence",
                  "pretokenizers",
                  List.of(
                      component(
                          "Split",
                          "pattern",
                          object(
                              "Regex",
                              "'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"),
                          "behavior",
                          "Removed",
                          "invert",
                          true),
                      byteLevel(false, true))),
              component(
                  "RobertaProcessing",
                  "sep",
                  List.of("<unk>", 0),
                  "cls",
                  List.of("<unk>", 0),
                  "trim_offsets",
                  false,
                  "add_prefix_space",
                  false),
              component("BPEDecoder", "suffix", "</w>"),
              SmallBpe.model(null, "</w>", true))
          .special("<|startoftext|>")
          .added("<|endoftext|>", false, false, false, true, true)
          .build();
    }
  },
  /** BPE whose tokens inside words have a prefix. */
  PREFIX_BPE {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component("NFKC"),
              component("Whitespace"),
              null,
              component("WordPiece", "prefix", "##", "cleanup", false),
              SmallBpe.model("##", null, false))
          .special("<unk>")
          .build();
    }
  },
  /** Whole words after decomposition without accents. */
  WORD_LEVEL {
    @Override
    Map<String, @Nullable Object> json() {
      return pipeline(
              component(
                  "Sequence",
                  "normalizers",
                  List.of(component("NFD"), component("StripAccents"), component("Lowercase"))),
              component(
                  "Sequence",
                  "pretokenizers",
                  List.of(component("UnicodeScripts"), component("Whitespace"))),
              null,
              null,
              Samples.words())
          .special("<unk>")
          .build();
    }
  };

  private static final String SPACE = "\u2581";
  private static final Map<String, @Nullable Object> BYTE_LEVEL_DECODER =
      component("ByteLevel", "add_prefix_space", true, "trim_offsets", true, "use_regex", true);
  private static final Map<String, @Nullable Object> SPACE_TO_MARK =
      component("Replace", "pattern", object("String", " "), "content", SPACE);
  private static final Map<String, @Nullable Object> SPM_DECODER =
      component(
          "Sequence",
          "decoders",
          List.of(
              component("Replace", "pattern", object("String", SPACE), "content", " "),
              component("ByteFallback"),
              component("Fuse"),
              component("Strip", "content", " ", "start", 1, "stop", 0)));

  /** The file as maps and lists. */
  abstract Map<String, @Nullable Object> json();

  /** The file. */
  String text() {
    return Js.text(json());
  }

  private static Map<String, @Nullable Object> byteLevel(boolean prefix, boolean regex) {
    return component(
        "ByteLevel", "add_prefix_space", prefix, "trim_offsets", true, "use_regex", regex);
  }

  private static Map<String, @Nullable Object> byteLevelPost(boolean trim) {
    return component(
        "ByteLevel", "add_prefix_space", true, "trim_offsets", trim, "use_regex", true);
  }

  private static Map<String, @Nullable Object> metaspace(String scheme) {
    return component("Metaspace", "replacement", SPACE, "prepend_scheme", scheme, "split", true);
  }

  /** Expressions one after the other, then bytes. */
  private static Map<String, @Nullable Object> splits(String... expressions) {
    List<@Nullable Object> list = new ArrayList<>();
    for (String e : expressions) {
      list.add(
          component(
              "Split", "pattern", object("Regex", e), "behavior", "Isolated", "invert", false));
    }
    list.add(byteLevel(false, false));
    return component("Sequence", "pretokenizers", list);
  }

  private static Map<String, @Nullable Object> token(String content) {
    return object("SpecialToken", object("id", content, "type_id", 0));
  }

  private static Map<String, @Nullable Object> sequence(String name) {
    return object("Sequence", object("id", name, "type_id", 0));
  }

  private static Map<String, @Nullable Object> special(String content, int id) {
    return object("id", content, "ids", List.of(id), "tokens", List.of(content));
  }

  private static Map<String, @Nullable Object> bos(String content, int id) {
    return component(
        "TemplateProcessing",
        "single",
        List.of(token(content), sequence("A")),
        "pair",
        List.of(token(content), sequence("A"), token(content), sequence("B")),
        "special_tokens",
        object(content, special(content, id)));
  }

  private static Builder pipeline(
      @Nullable Object normalizer,
      @Nullable Object preTokenizer,
      @Nullable Object postProcessor,
      @Nullable Object decoder,
      Map<String, @Nullable Object> model) {
    Builder b = new Builder(model);
    b.json.put("version", "1.0");
    b.json.put("added_tokens", b.added);
    b.json.put("normalizer", normalizer);
    b.json.put("pre_tokenizer", preTokenizer);
    b.json.put("post_processor", postProcessor);
    b.json.put("decoder", decoder);
    b.json.put("model", model);
    return b;
  }

  /** Collects the added tokens. */
  private static final class Builder {
    private final Map<String, @Nullable Object> json = new LinkedHashMap<>();
    private final List<@Nullable Object> added = new ArrayList<>();
    private final Map<String, Integer> ids = new LinkedHashMap<>();
    private int next;

    Builder(Map<String, @Nullable Object> model) {
      Object vocab = Objects.requireNonNull(model.get("vocab"));
      if (vocab instanceof Map<?, ?> map) {
        map.forEach((token, id) -> ids.put((String) token, (Integer) id));
      } else {
        for (Object entry : (List<?>) vocab) {
          ids.put((String) ((List<?>) entry).getFirst(), ids.size());
        }
      }
      next = ids.size();
    }

    Builder special(String content) {
      return added(content, false, false, false, false, true);
    }

    Builder added(
        String content,
        boolean singleWord,
        boolean lstrip,
        boolean rstrip,
        boolean normalized,
        boolean special) {
      Integer known = ids.get(content);
      int id = known != null ? known : next++;
      added.add(
          object(
              "id",
              id,
              "content",
              content,
              "single_word",
              singleWord,
              "lstrip",
              lstrip,
              "rstrip",
              rstrip,
              "normalized",
              normalized,
              "special",
              special));
      return this;
    }

    Map<String, @Nullable Object> build() {
      return json;
    }
  }
}
