package jllm.architecture;

import static com.tngtech.archunit.core.domain.JavaCall.Predicates.target;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.name;
import static com.tngtech.archunit.core.domain.properties.HasOwner.Predicates.With.owner;
import static com.tngtech.archunit.lang.conditions.ArchConditions.accessField;
import static com.tngtech.archunit.lang.conditions.ArchConditions.callMethodWhere;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import org.jspecify.annotations.NullMarked;

/** What belongs to one package alone. */
@AnalyzeClasses(packages = "jllm", importOptions = DoNotIncludeTests.class)
final class OwnersTest {

  @ArchTest
  static final ArchRule vectorApi =
      noClasses()
          .that()
          .resideOutsideOfPackage("jllm.tensor.cpu..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("jdk.incubator..")
          .because("the Vector API incubates: a change to it must stay in one package");

  @ArchTest
  static final ArchRule foreignFunctions =
      noClasses()
          .that()
          .resideOutsideOfPackage("jllm.ffi..")
          .should()
          .dependOnClassesThat()
          .belongToAnyOf(Linker.class, SymbolLookup.class)
          .because(
              "a wrong signature ends the process: native calls are kept where they are read together");

  @ArchTest
  static final ArchRule commandLineLibraries =
      noClasses()
          .that()
          .resideOutsideOfPackage("jllm.cli..")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("picocli..", "org.jline..", "me.tongfei..")
          .because("libraries serve other callers than people at a terminal");

  @ArchTest
  static final ArchRule standardStreams =
      noClasses()
          .that()
          .resideOutsideOfPackage("jllm.cli..")
          .should(
              accessField(System.class, "out")
                  .or(accessField(System.class, "err"))
                  .or(accessField(System.class, "in"))
                  .or(call(Throwable.class, "printStackTrace")))
          .because("libraries return results, throw errors and log; only the command line prints");

  @ArchTest
  static final ArchRule exit =
      noClasses()
          .that()
          .resideOutsideOfPackage("jllm.cli..")
          .should(
              call(System.class, "exit")
                  .or(call(Runtime.class, "exit"))
                  .or(call(Runtime.class, "halt")))
          .because("exit codes are the command line's");

  @ArchTest
  static final ArchRule nullness =
      classes()
          .should(liveInANullMarkedPackage())
          .because("null is possible only where @Nullable says so");

  private static ArchCondition<JavaClass> call(Class<?> type, String method) {
    return callMethodWhere(
        target(owner(assignableTo(type)))
            .and(target(name(method)))
            .as("%s.%s", type.getSimpleName(), method));
  }

  private static DescribedPredicate<JavaClass> assignableTo(Class<?> type) {
    return JavaClass.Predicates.assignableTo(type);
  }

  private static ArchCondition<JavaClass> liveInANullMarkedPackage() {
    return new ArchCondition<>("live in a package whose package-info.java has @NullMarked") {
      @Override
      public void check(JavaClass item, ConditionEvents events) {
        boolean marked = item.getPackage().isAnnotatedWith(NullMarked.class);
        events.add(
            new SimpleConditionEvent(
                item,
                marked,
                item.getName() + (marked ? " is" : " is not") + " in a @NullMarked package"));
      }
    };
  }
}
