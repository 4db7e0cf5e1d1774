package jllm.generate.chat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import jllm.format.ModelConfig;
import jllm.format.WeightSource;
import jllm.format.model.ModelSizes;
import jllm.format.model.RandomWeights;
import jllm.generate.GenerationOptions;
import jllm.generate.Penalties;
import jllm.generate.SamplingSettings;
import jllm.generate.Session;
import jllm.model.Transformer;
import jllm.tensor.Backend;
import jllm.tensor.DType;
import jllm.tensor.scalar.ScalarBackend;
import jllm.tokenize.Tokenizer;
import jllm.tokenize.read.Tokenizers;

/** A random model whose tokens are bytes and the special tokens of ChatML and Llama 2. */
final class ByteChat implements AutoCloseable {
  static final int BOS = 256;
  static final int EOS = 257;
  static final int TURN = 258;
  static final int TURN_END = 259;
  static final List<String> SPECIAL = List.of("<s>", "</s>", "<|im_start|>", "<|im_end|>");
  static final Map<String, String> NAMES = Map.of("bos_token", "<s>", "eos_token", "</s>");

  private final Backend backend = new ScalarBackend(DType.F32);
  private final WeightSource weights;
  private final Transformer model;
  final Session session;

  ByteChat(int context) {
    ModelConfig config = ModelSizes.dense(260, context, 16, 1, 2, 2, 24).config("llama");
    weights = new RandomWeights(config, DType.F32, 7);
    model = Transformer.of(weights, backend);
    session = new Session(model, backend, context);
  }

  /** A byte-level tokenizer without merges. */
  static Tokenizer tokenizer(boolean addsBos) {
    StringBuilder json = new StringBuilder("{\"version\": \"1.0\", \"added_tokens\": [");
    for (int i = 0; i < SPECIAL.size(); i++) {
      json.append(i == 0 ? "" : ",")
          .append(
              "{\"id\": %d, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}"
                  .formatted(BOS + i, SPECIAL.get(i)));
    }
    json.append("], \"pre_tokenizer\": ")
        .append("{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": true},")
        .append("\"decoder\": {\"type\": \"ByteLevel\"},");
    if (addsBos) {
      json.append(
          """
          "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                       {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [256], "tokens": ["<s>"]}}},
          """);
    }
    json.append("\"model\": {\"type\": \"BPE\", \"merges\": [], \"vocab\": {");
    List<String> entries = new ArrayList<>();
    int beyond = 256;
    for (int b = 0; b < 256; b++) {
      boolean printable = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
      entries.add("\"\\u%04x\": %d".formatted(printable ? b : beyond++, b));
    }
    return Tokenizers.json(
        json.append(String.join(",", entries)).append("}}}").toString(), "bytes");
  }

  static ChatEncoder encoder(NamedTemplate template, boolean addsBos) {
    return new ChatEncoder(template.template(NAMES), tokenizer(addsBos));
  }

  /** The most probable tokens, but some likelier than others. */
  static GenerationOptions greedy(int maxTokens, Map<Integer, Float> bias) {
    return new GenerationOptions(
        maxTokens, List.of(), false, new SamplingSettings(0, 0, 1, 0, Penalties.NONE, bias, 0));
  }

  @Override
  public void close() {
    session.close();
    model.close();
    weights.close();
    backend.close();
  }
}
