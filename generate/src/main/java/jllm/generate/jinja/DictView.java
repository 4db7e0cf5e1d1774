package jllm.generate.jinja;

import java.util.List;

/** What {@code keys()}, {@code values()} and {@code items()} of a dictionary give. */
record DictView(String typeName, Dict dict) {

  List<Object> elements() {
    return dict.items().stream()
        .map(item ->
            switch (typeName) {
              case "dict_keys" -> item.key();
              case "dict_values" -> item.value();
              default -> item.pair();
            })
        .toList();
  }
}
