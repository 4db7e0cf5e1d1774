package jllm.generate.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code cycler(a, b)}: its values one after another, again and again. */
final class Cycler implements WithAttributes {
  private final List<Object> items;
  private int position;

  Cycler(List<Object> items) {
    if (items.isEmpty()) {
      throw new TemplateException("at least one item has to be provided");
    }
    this.items = items;
  }

  @Override
  public @Nullable Object attribute(String name) {
    return switch (name) {
      case "current" -> items.get(position);
      case "next" -> (Function) _ -> next();
      case "reset" ->
          (Function)
              _ -> {
                position = 0;
                return None.NONE;
              };
      case "items" -> new Tuple(items);
      case "pos" -> Numbers.integer(position);
      default -> null;
    };
  }

  private Object next() {
    Object item = items.get(position);
    position = (position + 1) % items.size();
    return item;
  }

  @Override
  public String typeName() {
    return "Cycler";
  }
}
