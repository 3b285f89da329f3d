package io.github.micronautratelimit.simulator.log;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A format that is written as in nginx, such as <code>$remote_addr [$time_local] "$request" $status
 * $http_x_tenant</code>. The value of a variable ends where the text after it begins.
 */
final class NginxFormat implements LineFormat {

    private static final Pattern VARIABLE = Pattern.compile("\\$\\{(\\w+)}|\\$(\\w+)");
    private static final Pattern DIRECTIVE =
            Pattern.compile("^\\s*log_format\\s+\\S+\\s+(escape=\\w+\\s+)?(.*?);?\\s*$", Pattern.DOTALL);
    private static final Pattern QUOTED = Pattern.compile("'((?:[^'\\\\]|\\\\.)*)'");

    private final List<Part> parts;
    private final RecordFields fields;

    /** The variable, as a field or {@code null}, with the text before it. */
    private record Part(String before, @Nullable String field) {}

    /**
     * Reads a format.
     *
     * @param text   the text of a format, or a whole directive {@code log_format}
     * @param wanted the further fields to read
     * @throws InvalidLogException if the format contains no time or no client
     */
    NginxFormat(String text, Set<String> wanted) {
        this.parts = parts(unquoted(text));
        this.fields = new RecordFields(wanted, new Timestamps());
        require(text, FieldName.TIME, "$time_local, $time_iso8601 or $msec");
        require(text, FieldName.CLIENT, "$remote_addr");
    }

    private void require(String text, String field, String example) {
        if (!mayContain(field)) {
            throw new InvalidLogException("--log-format \"" + text + "\" contains no " + field
                    + "; pass the log_format of" + " the server, with " + example + ".");
        }
    }

    private static String unquoted(String text) {
        Matcher directive = DIRECTIVE.matcher(text);
        if (!directive.matches()) {
            return text;
        }
        return QUOTED.matcher(directive.group(2))
                .results()
                .map(quoted -> quoted.group(1).replace("\\'", "'"))
                .collect(Collectors.joining());
    }

    private static List<Part> parts(String format) {
        List<Part> parts = new ArrayList<>();
        Matcher variable = VARIABLE.matcher(format);
        int position = 0;
        while (variable.find()) {
            String name = variable.group(1) == null ? variable.group(2) : variable.group(1);
            parts.add(new Part(format.substring(position, variable.start()), field(name)));
            position = variable.end();
        }
        parts.add(new Part(format.substring(position), null));
        return parts;
    }

    private static @Nullable String field(String variable) {
        return switch (variable) {
            case "remote_addr", "realip_remote_addr", "binary_remote_addr" -> FieldName.CLIENT;
            case "remote_user" -> FieldName.USER;
            case "time_local", "time_iso8601", "msec" -> FieldName.TIME;
            case "request" -> FieldName.REQUEST;
            case "request_method" -> FieldName.METHOD;
            case "request_uri", "uri" -> FieldName.PATH;
            case "status" -> FieldName.STATUS;
            default -> {
                if (variable.startsWith("http_")) {
                    yield FieldName.header(variable.substring("http_".length())
                            .replace('_', '-')
                            .toLowerCase(Locale.ROOT));
                }
                yield variable.startsWith("cookie_") ? FieldName.cookie(variable.substring("cookie_".length())) : null;
            }
        };
    }

    @Override
    public boolean mayContain(String field) {
        String line = FieldName.REQUEST;
        return parts.stream()
                .anyMatch(part -> field.equals(part.field)
                        || line.equals(part.field) && (field.equals(FieldName.METHOD) || field.equals(FieldName.PATH)));
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.isEmpty()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        fields.clear();
        int position = 0;
        for (int i = 0; i < parts.size() - 1; i++) {
            Part part = parts.get(i);
            if (!line.startsWith(part.before, position)) {
                return null;
            }
            int start = position + part.before.length();
            int end = end(line, start, parts.get(i + 1).before, part.before.endsWith("\""));
            if (end < 0) {
                return null;
            }
            if (part.field != null) {
                fields.put(part.field, line.substring(start, end));
            }
            position = end;
        }
        return fields.toRecord();
    }

    private static int end(String line, int start, String next, boolean isQuoted) {
        if (next.isEmpty()) {
            return line.length();
        }
        return isQuoted && next.startsWith("\"") ? CombinedFormat.closingQuote(line, start) : line.indexOf(next, start);
    }
}
