package io.github.micronautratelimit.processor;

import static org.junit.jupiter.api.Assertions.assertEquals;

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

/** Compiles small beans with the library on the processor path, as a user's build does. */
class RateLimitVisitorTest {

    @TempDir
    Path output;

    @Test
    void rightAnnotationsCompile() {
        assertEquals(List.of(), errors("""
                @RateLimit("100/min")
                @RateLimit(value = "5/s burst 20", key = "#{ account }", permits = "#{ amount }")
                public void call(String account, int amount) { }

                @RateLimit(value = "5/s", permits = "#{ amount } 1..5")
                public void bounded(int amount) { }

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
    void aWrongAnnotationFailsTheCompilationWithOneSentence(String annotation, String sentence) {
        List<String> errors = errors(annotation + " public void call(String account) { }");

        assertEquals(1, errors.size(), () -> "one error: " + errors);
        assertEquals(sentence, errors.get(0).lines().findFirst().orElse(""));
    }

    static Stream<Arguments> aWrongAnnotationFailsTheCompilationWithOneSentence() {
        return Stream.of(
                Arguments.of("@RateLimit(\"10/fortnight\")",
                        "@RateLimit on shop.Bean.call(): \"10/fortnight\": one of the units us, ms, s, min, h, day was "
                                + "expected at character 4; write a limit like \"100/min\", \"5/s burst 20\", "
                                + "\"1000/h sliding\", \"10000/day fixed\" or \"5 concurrent\"."),
                Arguments.of("@RateLimit",
                        "@RateLimit on shop.Bean.call() names neither limits nor a policy; "
                                + "write @RateLimit(\"100/min\") or @RateLimit(policy = \"write\")."),
                Arguments.of("@RateLimit(value = \"1/s\", key = \"{user}\")",
                        "The key of @RateLimit on shop.Bean.call(): \"{user}\": unknown placeholder {user} at character "
                                + "1; write a key like \"{ip}\", \"{principal-or-ip}\", \"{api-key}\", "
                                + "\"{bearer-token}\", \"{header:X-Tenant}\", \"{cookie:NAME}\", \"{path:NAME}\", "
                                + "\"{bean:NAME}\" or \"{global}\", with text around."),
                Arguments.of("@RateLimit(value = \"1/s\", key = \"a:#{ account }\")",
                        "The key \"a:#{ account }\" of @RateLimit on shop.Bean.call() mixes text with an expression, so "
                                + "that a missing value would read \"null\"; write one expression alone, like "
                                + "\"#{ account.id }\"."),
                Arguments.of("@RateLimit(value = \"1/s\", permits = \"many\")",
                        "The permits of @RateLimit on shop.Bean.call(): \"many\" is no number of permits from 0 up; "
                                + "write a number like \"5\", or a placeholder like \"{header:X-Cost}\", "
                                + "\"{query:size} 1..100\" or \"{body-size} / 1024\"."),
                Arguments.of("@RateLimit(value = \"1/s\", permits = \"#{ account } / 2\")",
                        "The permits of @RateLimit on shop.Bean.call(): \"#{ account } / 2\" is no expression with bounds; "
                                + "write one like \"#{ size }\" or \"#{ size } 1..100\"."),
                Arguments.of("@RateLimit(value = \"1/s\", key = \"#{ account }\") @Secured(\"isAnonymous()\")",
                        "The key \"#{ account }\" of @RateLimit on shop.Bean.call() is an expression on a method with a "
                                + "security annotation, which would make micronaut-security refuse everybody; write a "
                                + "template like \"{principal}\" or \"{path:id}\"."),
                Arguments.of("@RateLimit(\"1/s\") static",
                        "@RateLimit on shop.Bean.call() limits nothing, for the method is static; write it on a method of a "
                                + "bean."),
                Arguments.of("@RateLimit(\"1/s\") @NoRateLimit",
                        "@RateLimit and @NoRateLimit on shop.Bean.call() contradict each other; keep one."));
    }

    private List<String> errors(String members) {
        String source = """
                package shop;

                import io.github.micronautratelimit.annotation.NoRateLimit;
                import io.github.micronautratelimit.annotation.RateLimit;
                import io.micronaut.security.annotation.Secured;
                import jakarta.inject.Singleton;

                @Singleton
                public class Bean {
                    %s
                }
                """.formatted(members);
        String path = System.getProperty("java.class.path");
        DiagnosticCollector<JavaFileObject> diagnostics = new DiagnosticCollector<>();
        ToolProvider.getSystemJavaCompiler().getTask(new StringWriter(), null, diagnostics,
                List.of("-d", output.toString(), "-classpath", path, "-processorpath", path, "-parameters"),
                null, List.of(new Source("shop/Bean.java", source))).call();
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
