package jllm.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Which module may use which: the arrows of ARCHITECTURE.md. */
@AnalyzeClasses(packages = "jllm", importOptions = DoNotIncludeTests.class)
final class ModuleArrowsTest {
  private static final String[] NATIVE = {"jllm.tensor..", "jllm.ffi.."};
  private static final String TOKENIZE = "jllm.tokenize..";
  private static final String CONVERT = "jllm.format..";
  private static final String[] GENERATE = {"jllm.model..", "jllm.generate.."};
  private static final String QUANTIZE = "jllm.quantize..";
  private static final String TRAIN = "jllm.train..";
  private static final String BENCH = "jllm.bench..";
  private static final String CLI = "jllm.cli..";

  @ArchTest
  static final ArchRule arrows =
      layeredArchitecture()
          .consideringOnlyDependenciesInAnyPackage("jllm..")
          .layer("native")
          .definedBy(NATIVE)
          .layer("tokenize")
          .definedBy(TOKENIZE)
          .layer("convert")
          .definedBy(CONVERT)
          .layer("generate")
          .definedBy(GENERATE)
          .layer("quantize")
          .definedBy(QUANTIZE)
          .layer("train")
          .definedBy(TRAIN)
          .optionalLayer("bench")
          .definedBy(BENCH)
          .layer("cli")
          .definedBy(CLI)
          .whereLayer("native")
          .mayNotAccessAnyLayer()
          .whereLayer("tokenize")
          .mayNotAccessAnyLayer()
          .whereLayer("convert")
          .mayOnlyAccessLayers("native", "tokenize")
          .whereLayer("generate")
          .mayOnlyAccessLayers("native", "tokenize", "convert")
          .whereLayer("quantize")
          .mayOnlyAccessLayers("native", "tokenize", "convert", "generate")
          .whereLayer("train")
          .mayOnlyAccessLayers("native", "tokenize", "convert", "generate")
          .whereLayer("bench")
          .mayOnlyAccessLayers("native", "tokenize", "convert", "generate", "quantize", "train")
          .whereLayer("cli")
          .mayNotBeAccessedByAnyLayer()
          .ensureAllClassesAreContainedInArchitecture()
          .because("a part is understood, tested and replaced with what is below it alone");

  @ArchTest
  static final ArchRule nativeUsesNothingButTheJdk =
      classes()
          .that()
          .resideInAnyPackage(NATIVE)
          .should()
          .onlyDependOnClassesThat()
          .resideInAnyPackage(
              "jllm.tensor..", "jllm.ffi..", "java..", "jdk.incubator.vector", "org.jspecify..")
          .because("what all else stands on stands on nothing that may change");

  @ArchTest
  static final ArchRule tensorsDoNotKnowTheirBackends =
      noClasses()
          .that()
          .resideInAPackage("jllm.tensor")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("jllm.tensor.scalar..", "jllm.tensor.cpu..", "jllm.tensor.cuda..")
          .because("a backend is an implementation that the caller chooses");
}
