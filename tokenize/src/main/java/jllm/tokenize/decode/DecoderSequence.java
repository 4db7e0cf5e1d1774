package jllm.tokenize.decode;

import java.util.List;
import java.util.function.Consumer;

/** One decoder after the other. */
public record DecoderSequence(List<Decoder> decoders) implements Decoder {

  public DecoderSequence {
    decoders = List.copyOf(decoders);
  }

  @Override
  public Stage begin(Consumer<String> next) {
    return begin(0, false, false, next);
  }

  @Override
  public Stage beginStreaming(Consumer<String> next) {
    return begin(0, false, true, next);
  }

  @Override
  public Stage beginJoined(Consumer<String> next) {
    return begin(0, true, false, next);
  }

  @Override
  public boolean joins() {
    return decoders.stream().anyMatch(Decoder::joins);
  }

  private Stage begin(int index, boolean joined, boolean streaming, Consumer<String> next) {
    if (index == decoders.size()) {
      return new Stage() {
        @Override
        public void accept(String token) {
          next.accept(token);
        }

        @Override
        public void finish() {}
      };
    }
    Decoder decoder = decoders.get(index);
    Stage rest = begin(index + 1, joined || decoder.joins(), streaming, next);
    Stage first =
        joined
            ? decoder.beginJoined(rest::accept)
            : streaming ? decoder.beginStreaming(rest::accept) : decoder.begin(rest::accept);
    return new Stage() {
      @Override
      public void accept(String token) {
        first.accept(token);
      }

      @Override
      public void finish() {
        first.finish();
        rest.finish();
      }
    };
  }
}
