package io.github.micronautratelimit.simulator.log;

import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The extended log file format of the W3C, whose directive {@code #Fields} names the columns: the standard logs of
 * Amazon CloudFront, separated by tabs, and those of IIS, separated by spaces.
 */
final class W3cFormat implements LineFormat {

    private static final String DIRECTIVE = "#Fields:";
    private static final String UNKNOWN = "-";

    private final RecordFields fields;
    private String[] columns = {};

    W3cFormat(Set<String> wanted) {
        this.fields = new RecordFields(wanted, new Timestamps());
    }

    @Override
    public boolean mayContain(String field) {
        return !FieldName.isHeader(field)
                || field.equals(FieldName.header("User-Agent"))
                || field.equals(FieldName.header("Referer"))
                || field.equals(FieldName.header("Host"))
                || field.equals(FieldName.header("X-Forwarded-For"));
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.startsWith("#")) {
            if (line.startsWith(DIRECTIVE)) {
                columns = line.substring(DIRECTIVE.length()).strip().split("\\s+");
            }
            return AccessRecord.NOT_A_REQUEST;
        }
        if (line.isEmpty()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        String[] values = line.split(line.indexOf('\t') < 0 ? " " : "\t", -1);
        if (columns.length == 0 || values.length < columns.length) {
            return null;
        }
        fields.clear();
        String date = UNKNOWN;
        String time = UNKNOWN;
        String query = UNKNOWN;
        String path = "/";
        for (int i = 0; i < columns.length; i++) {
            switch (columns[i]) {
                case "date" -> date = values[i];
                case "time" -> time = values[i];
                case "cs-uri-stem", "cs-uri" -> path = values[i];
                case "cs-uri-query" -> query = values[i];
                default -> put(columns[i], values[i]);
            }
        }
        fields.put(FieldName.TIME, date + " " + time);
        fields.put(FieldName.PATH, query.equals(UNKNOWN) ? path : path + "?" + query);
        return fields.toRecord();
    }

    private void put(String column, String value) {
        switch (column) {
            case "c-ip" -> fields.put(FieldName.CLIENT, value);
            case "cs-method" -> fields.put(FieldName.METHOD, value);
            case "sc-status" -> fields.put(FieldName.STATUS, value);
            case "cs-username" -> fields.put(FieldName.USER, value);
            case "timestamp" -> fields.put(FieldName.TIME, value);
            case "cs(User-Agent)" -> fields.put(FieldName.header("User-Agent"), decoded(value));
            case "cs(Referer)" -> fields.put(FieldName.header("Referer"), decoded(value));
            case "cs(Host)", "cs-host" -> fields.put(FieldName.header("Host"), value);
            case "x-forwarded-for" -> fields.put(FieldName.header("X-Forwarded-For"), decoded(value));
            case "cs(Cookie)" -> fields.putCookies(decoded(value));
            default -> {
                // A column that no key and no rule needs.
            }
        }
    }

    private static String decoded(String value) {
        try {
            return value.indexOf('%') < 0
                    ? value
                    : URLDecoder.decode(value.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            return value;
        }
    }
}
