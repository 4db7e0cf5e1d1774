/**
 * What happens to a text before it is cut: Unicode normalization, case, replacements. A normalizer
 * rewrites a text and keeps for each byte where it came from.
 */
@NullMarked
package jllm.tokenize.normalize;

import org.jspecify.annotations.NullMarked;
