package io.github.micronautratelimit.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticCollector;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Compiles small beans with the library on the annotation processor path, like the build of an application. */
class RateLimitVisitorTest {

    @TempDir
    Path output;

    @Test
    void validAnnotationsCompile() {
        assertEquals(
                List.of(),
                errors(
                        """
                @RateLimit("100/min")
                @RateLimit(value = "5/s burst 20", key = "#{ account }", permits = "#{ amount }")
                public void call(String account, int amount) { }

                @RateLimit(value = "5/s", permits = "#{ amount } 1..5")
                public void bounded(int amount) { }

                @RateLimit(value = "1/s", refundOn = {"5xx", "304", "${also:java.io.IOException}"})
                public void outcomes() { }

                @RateLimit(value = "${limit:100/min}", key = "{ip}/{header:X-Tenant}", permits = "{header:X-Cost}")
                public void properties() { }

                static void beside() { }

                @Singleton
                @RateLimit("100/min")
                public static class Limited {

                    public void call() { }

                    static void beside() { }
                }
                """));
    }

    @ParameterizedTest
    @MethodSource
    void anInvalidAnnotationFailsTheCompilationWithOneSentence(String annotation, String sentence) {
        List<String> errors = errors(annotation + " public void call(String account) { }");

        assertEquals(1, errors.size(), () -> "one error: " + errors);
        assertEquals(sentence, errors.get(0).lines().findFirst().orElse(""));
    }

    static Stream<Arguments> anInvalidAnnotationFailsTheCompilationWithOneSentence() {
        return Stream.of(
                Arguments.of(
                        "@RateLimit(\"10/fortnight\")",
                        "@RateLimit on shop.Bean.call(): \"10/fortnight\": one of the units us, ms, s, min, h, day, week, "
                                + "month, year was "
                                + "expected at character 4; write a limit like \"100/min\", \"5/s burst 20\", "
                                + "\"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\"."),
                Arguments.of(
                        "@RateLimit",
                        "@RateLimit on shop.Bean.call() has neither limits nor a policy; "
                                + "write @RateLimit(\"100/min\") or @RateLimit(policy = \"write\")."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", key = \"{user}\")",
                        "The key of @RateLimit on shop.Bean.call(): \"{user}\": unknown placeholder {user} at "
                                + "character 1; write a key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", \"{role}\", "
                                + "\"{claim:NAME}\", \"{bearer-token}\", \"{header:X-Tenant}\", \"{cookie:NAME}\", "
                                + "\"{query:NAME}\", "
                                + "\"{path:NAME}\", \"{bean:NAME}\" or \"{global}\", with or without text around it."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", key = \"a:#{ account }\")",
                        "The key \"a:#{ account }\" of @RateLimit on shop.Bean.call() mixes text with an "
                                + "expression, so "
                                + "a missing value would become the text \"null\"; write a single expression such as "
                                + "\"#{ account.id }\"."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", permits = \"many\")",
                        "The permits of @RateLimit on shop.Bean.call(): \"many\" is not a cost; "
                                + "write a number like \"5\", or a placeholder like \"{header:X-Cost}\", "
                                + "\"{query:size} 1..100\" or \"{body-size} / 1024 1..1000\"."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", permits = \"{body-size} / 1024\")",
                        "The permits of @RateLimit on shop.Bean.call(): \"{body-size} / 1024\" has no upper bound, which a "
                                + "body costs if its length is not known in advance; write one, as in "
                                + "\"{body-size} / 1024 1..1000\"."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", permits = \"#{ account } / 2\")",
                        "The permits of @RateLimit on shop.Bean.call(): \"#{ account } / 2\" is not an "
                                + "expression, alone or with bounds; "
                                + "write one like \"#{ size }\" or \"#{ size } 1..100\"."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", key = \"#{ account }\") @Secured(\"isAnonymous()\")",
                        "The key \"#{ account }\" of @RateLimit on shop.Bean.call() is an expression on a "
                                + "method with a "
                                + "security annotation, and micronaut-security would then reject every request; write "
                                + "a template such as \"{principal}\" or \"{path:id}\"."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", chargeOn = \"401-403\")",
                        "@RateLimit on shop.Bean.call(): The outcome \"401-403\" is neither a status nor the name of a "
                                + "class; write a status such as \"401\", a class of statuses such as \"5xx\", or the "
                                + "full name of an exception class."),
                Arguments.of(
                        "@RateLimit(value = \"1/s\", chargeOn = \"401\", refundOn = {\"5xx\", \"304\"})",
                        "@RateLimit on shop.Bean.call() has both chargeOn and refundOn; write the outcomes that are "
                                + "charged, or those that are not."),
                Arguments.of(
                        "@RateLimit(\"1/s\") static",
                        "@RateLimit on shop.Bean.call() has no effect, because the method is static; move it to "
                                + "an instance method of a bean."),
                Arguments.of(
                        "@RateLimit(\"1/s\") @NoRateLimit",
                        "@RateLimit and @NoRateLimit on shop.Bean.call() contradict each other; keep one."));
    }

    @ParameterizedTest
    @MethodSource
    void aLimitThatWouldHaveNoEffectFailsTheCompilation(String members, String sentence) {
        List<String> errors = errors(members);

        assertTrue(
                errors.stream()
                        .anyMatch(error -> error.lines().findFirst().orElse("").equals(sentence)),
                () -> String.valueOf(errors));
    }

    static Stream<Arguments> aLimitThatWouldHaveNoEffectFailsTheCompilation() {
        return Stream.of(
                Arguments.of(
                        "@RateLimit(\"1/s\") public record Order(int id) { }",
                        "@RateLimit on shop.Bean$Order has no effect, because a record cannot be intercepted; move it "
                                + "to a method of a bean."),
                Arguments.of(
                        "public record Order(int id) { @RateLimit(\"1/s\") public void pay() { } }",
                        "@RateLimit on shop.Bean$Order.pay() has no effect, because a record cannot be intercepted; "
                                + "move it to a method of a bean."),
                Arguments.of(
                        "public enum Kind { A; @RateLimit(\"1/s\") public void pay() { } }",
                        "@RateLimit on shop.Bean$Kind.pay() has no effect, because an enum cannot be intercepted; "
                                + "move it to a method of a bean."),
                Arguments.of(
                        "@Singleton @RateLimit(\"1/s\") public static class Limited { public void call() { } "
                                + "protected void hidden() { } }",
                        "@RateLimit on shop.Bean$Limited cannot limit the protected method hidden(), because Micronaut "
                                + "does not intercept it; make the method package-private or public, or write "
                                + "@RateLimit or @NoRateLimit on it."),
                Arguments.of(
                        "@io.micronaut.scheduling.annotation.Async @RateLimit(\"1 concurrent\") public void run() { }",
                        "@RateLimit on shop.Bean.run() has the limit \"1 concurrent\", but run() is @Async and returns "
                                + "void, so the end of its work is unknown; return a CompletionStage, such as "
                                + "CompletableFuture<Void>."),
                Arguments.of(
                        "@jakarta.annotation.PostConstruct @RateLimit(\"1/s\") public void open() { }",
                        "@RateLimit on shop.Bean.open() is on a @PostConstruct method, which the container calls; write "
                                + "it on the routes or methods that are to be limited."),
                Arguments.of(
                        """
                        public static class Mailer { @RateLimit("1/s") public void send() { } }

                        @io.micronaut.context.annotation.Factory
                        public static class Mailers { @Singleton Mailer mailer() { return new Mailer(); } }
                        """,
                        "@RateLimit on shop.Bean$Mailer.send() has no effect on the bean of shop.Bean$Mailers.mailer(), "
                                + "because Micronaut does not intercept the methods of an object that a factory creates; "
                                + "write @RateLimit on the factory method to limit the whole bean."));
    }

    @Test
    void limitsThatAreEnforcedCompile() {
        assertEquals(
                List.of(),
                errors(
                        """
                public static class Mailer { public void send() { } }

                @io.micronaut.context.annotation.Factory
                public static class Mailers {
                    @Singleton @RateLimit("1/s") Mailer mailer() { return new Mailer(); }
                }

                @Singleton
                @RateLimit("1/s")
                public static class Limited {

                    protected static void beside() { }

                    @RateLimit("2/s") protected void own() { }

                    @NoRateLimit protected void exempt() { }

                    private void hidden() { }
                }

                @io.micronaut.http.annotation.Controller
                @RateLimit("1/s")
                public static class Routes {

                    @io.micronaut.http.annotation.Get public String get() { return helper(); }

                    protected String helper() { return "ok"; }
                }

                @io.micronaut.scheduling.annotation.Async
                @RateLimit("1/s; 1 concurrent")
                public java.util.concurrent.CompletableFuture<Void> run() { return null; }
                """));
    }

    private List<String> errors(String members) {
        String source =
                """
                package shop;

                import io.github.micronautratelimit.annotation.NoRateLimit;
                import io.github.micronautratelimit.annotation.RateLimit;
                import io.micronaut.security.annotation.Secured;
                import jakarta.inject.Singleton;

                @Singleton
                public class Bean {
                    %s
                }
                """
                        .formatted(members);
        String path = System.getProperty("java.class.path");
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        ToolProvider.getSystemJavaCompiler()
                .getTask(
                        new StringWriter(),
                        null,
                        diagnostics,
                        List.of("-d", output.toString(), "-classpath", path, "-processorpath", path, "-parameters"),
                        null,
                        List.of(new Source("shop/Bean.java", source)))
                .call();
        return diagnostics.getDiagnostics().stream()
                .filter(diagnostic -> diagnostic.getKind() == Diagnostic.Kind.ERROR)
                .map(diagnostic -> diagnostic.getMessage(Locale.ROOT))
                .toList();
    }

    private static final class Source extends SimpleJavaFileObject {

        private final String text;

        Source(String name, String text) {
            super(URI.create("string:///" + name), Kind.SOURCE);
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }
}
