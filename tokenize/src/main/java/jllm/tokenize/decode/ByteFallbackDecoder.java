package jllm.tokenize.decode;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;
import jllm.tokenize.text.ByteToken;

/**
 * Tokens spelled {@code <0x41>} become their bytes. As in Hugging Face's library a run of such
 * tokens is text if all of it is valid UTF-8, else each byte becomes U+FFFD. A streaming decoding
 * does not wait for the end of the run: characters are handed on as soon as they are complete, and
 * only bytes that are no character become U+FFFD.
 */
public record ByteFallbackDecoder() implements Decoder {

  @Override
  public Stage begin(Consumer<String> next) {
    return new Stage() {
      private byte[] run = new byte[16];
      private int size;

      @Override
      public void accept(String token) {
        int b = ByteToken.byteOf(token);
        if (b >= 0) {
          if (size == run.length) {
            run = Arrays.copyOf(run, size * 2);
          }
          run[size++] = (byte) b;
        } else {
          finish();
          next.accept(token);
        }
      }

      @Override
      public void finish() {
        if (size == 0) {
          return;
        }
        try {
          next.accept(
              StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(run, 0, size)).toString());
        } catch (CharacterCodingException e) {
          for (int i = 0; i < size; i++) {
            next.accept("\ufffd");
          }
        }
        size = 0;
      }
    };
  }

  @Override
  public Stage beginStreaming(Consumer<String> next) {
    return new Stage() {
      private final CharacterAssembler bytes = new CharacterAssembler();

      @Override
      public void accept(String token) {
        int b = ByteToken.byteOf(token);
        if (b >= 0) {
          hand(bytes.accept(new byte[] {(byte) b}));
        } else {
          hand(bytes.finish());
          next.accept(token);
        }
      }

      @Override
      public void finish() {
        hand(bytes.finish());
      }

      private void hand(String text) {
        if (!text.isEmpty()) {
          next.accept(text);
        }
      }
    };
  }
}
