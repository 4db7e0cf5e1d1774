package jllm.generate.jinja;

import java.util.List;

/** Python's lists and tuples. */
sealed interface Sequence permits ListValue, Tuple {
  List<Object> items();

  /** The same kind with other items. */
  Sequence with(List<Object> items);
}
