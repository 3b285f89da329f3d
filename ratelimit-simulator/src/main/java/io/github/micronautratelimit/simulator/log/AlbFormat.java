package io.github.micronautratelimit.simulator.log;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The access log of an AWS Application Load Balancer: fields separated by spaces, some of them quoted. The time is that
 * of the arrival of the request if the line has it, otherwise that of the response.
 */
final class AlbFormat implements LineFormat {

    private static final int TIME = 1;
    private static final int CLIENT = 3;
    private static final int STATUS = 8;
    private static final int REQUEST = 12;
    private static final int USER_AGENT = 13;
    private static final int CREATED = 21;
    private static final String AGENT = FieldName.header("User-Agent");
    private static final Set<String> FIELDS =
            Set.of(FieldName.TIME, FieldName.CLIENT, FieldName.METHOD, FieldName.PATH, FieldName.STATUS, AGENT);

    private final RecordFields fields;
    private final List<String> columns = new ArrayList<>();

    AlbFormat(Set<String> wanted) {
        this.fields = new RecordFields(wanted, new Timestamps());
    }

    @Override
    public boolean mayContain(String field) {
        return FIELDS.contains(field);
    }

    @Override
    public @Nullable AccessRecord parse(String line) {
        if (line.isEmpty()) {
            return AccessRecord.NOT_A_REQUEST;
        }
        if (!split(line) || columns.size() <= USER_AGENT) {
            return null;
        }
        fields.clear();
        fields.put(FieldName.TIME, columns.get(columns.size() > CREATED ? CREATED : TIME));
        fields.put(FieldName.TIME, columns.get(TIME));
        fields.put(FieldName.CLIENT, withoutPort(columns.get(CLIENT)));
        fields.put(FieldName.STATUS, columns.get(STATUS));
        fields.put(FieldName.REQUEST, columns.get(REQUEST));
        fields.put(AGENT, columns.get(USER_AGENT));
        return fields.toRecord();
    }

    private boolean split(String line) {
        columns.clear();
        int position = 0;
        while (position < line.length()) {
            if (line.charAt(position) == '"') {
                int end = CombinedFormat.closingQuote(line, position + 1);
                if (end < 0) {
                    return false;
                }
                columns.add(line.substring(position + 1, end));
                position = end + 2;
            } else {
                int space = line.indexOf(' ', position);
                int end = space < 0 ? line.length() : space;
                columns.add(line.substring(position, end));
                position = end + 1;
            }
        }
        return true;
    }

    private static String withoutPort(String address) {
        int colon = address.lastIndexOf(':');
        String host = colon < 0 ? address : address.substring(0, colon);
        return host.startsWith("[") && host.endsWith("]") ? host.substring(1, host.length() - 1) : host;
    }
}
