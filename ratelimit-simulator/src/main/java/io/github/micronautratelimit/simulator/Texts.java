package io.github.micronautratelimit.simulator;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads durations and shares of options. */
final class Texts {

    private static final Pattern DURATION = Pattern.compile("(\\d{1,9})\\s*(ms|s|min|m|h)");
    private static final Pattern SHARE = Pattern.compile("(\\d{1,3}(?:\\.\\d+)?)\\s*(%?)");

    private Texts() {}

    /** Reads a duration such as {@code 10s}. */
    static final class DurationText implements ITypeConverter<Duration> {
        @Override
        public Duration convert(String text) {
            Matcher duration = DURATION.matcher(text.strip());
            if (!duration.matches()) {
                throw new TypeConversionException("\"" + text + "\" is not a duration; write one such as 10s or 5min");
            }
            long number = Long.parseLong(duration.group(1));
            return switch (duration.group(2)) {
                case "ms" -> Duration.ofMillis(number);
                case "s" -> Duration.ofSeconds(number);
                case "h" -> Duration.ofHours(number);
                default -> Duration.ofMinutes(number);
            };
        }
    }

    /** Reads a share such as {@code 0.1%}, as a number from 0 to 1. */
    static final class ShareText implements ITypeConverter<Double> {
        @Override
        public Double convert(String text) {
            Matcher share = SHARE.matcher(text.strip());
            boolean isPercentage = share.matches() && !share.group(2).isEmpty();
            double number = isPercentage ? Double.parseDouble(share.group(1)) / 100 : 2;
            if (number > 1) {
                throw new TypeConversionException(
                        "\"" + text + "\" is not a share; write a percentage from 0% to 100%, such as 0.1%");
            }
            return number;
        }
    }
}
