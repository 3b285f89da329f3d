package io.github.micronautratelimit.dynamodb;

import java.util.Map;

import org.jspecify.annotations.Nullable;

import io.github.micronautratelimit.FixedWindow;
import io.github.micronautratelimit.Limit;
import io.github.micronautratelimit.LimitState;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;

/**
 * A fixed window as its number since the epoch, {@code w}, and a counter whose name tells the window's number modulo 32.
 * So a charge needs not know whether it is the first of its window: it adds to the counter of that name, which is then
 * missing, and removes all others. A key that comes back after a multiple of 32 windows finds an old counter under the
 * name; the condition notices, and a second request writes over it.
 */
final class Fixed extends Part {

    private static final int NAMES = 32;
    private static final long NONE = -1;

    private final FixedWindow limit;
    private final long window;
    private final long used;

    private Fixed(FixedWindow limit, long window, long used) {
        this.limit = limit;
        this.window = window;
        this.used = used;
    }

    static Fixed blank(FixedWindow limit) {
        return new Fixed(limit, NONE, 0);
    }

    static Fixed read(FixedWindow limit, int i, Map<String, AttributeValue> item) {
        if (!has(item, "w" + i)) {
            return blank(limit);
        }
        long window = number(item, "w" + i);
        return new Fixed(limit, window, number(item, counter(i, window)));
    }

    @Override
    Limit limit() {
        return limit;
    }

    @Override
    LimitState state() {
        return limit.stateAt(null, window * limit.periodMicros()).charge(used);
    }

    @Override
    @Nullable Part under(Limit other) {
        return other instanceof FixedWindow fixed && fixed.periodMicros() == limit.periodMicros()
                ? new Fixed(fixed, window, used) : null;
    }

    @Override
    long instant(long now) {
        return Math.max(now, window * limit.periodMicros());
    }

    private long window(long now) {
        return Math.floorDiv(instant(now), limit.periodMicros());
    }

    @Override
    Part charged(long permits, long instant, long stamp) {
        long current = window(instant);
        return new Fixed(limit, current, (current == window ? used : 0) + permits);
    }

    @Override
    Part refunded(long permits, long instant) {
        long current = window(instant);
        return new Fixed(limit, current, current == window ? Math.max(0, used - permits) : 0);
    }

    @Override
    void write(int i, Map<String, AttributeValue> item, long stamp) {
        if (window != NONE) {
            item.put("w" + i, value(window));
            item.put(counter(i, window), value(used));
        }
    }

    @Override
    void charge(Update update, int i, long permits, long now, boolean sure) {
        String w = "w" + i;
        long current = window(now);
        String c = counter(i, current);
        String id = update.number(current);
        if (window != NONE && window < current && c.equals(counter(i, window))) {
            update.require(w + " = " + update.number(window));
            update.set(c, update.number(permits));
        } else {
            update.require("(attribute_not_exists(" + w + ") OR " + w + " < " + id + " AND attribute_not_exists(" + c
                    + ") OR " + w + " = " + id + " AND " + c + " <= " + update.number(limit.permits() - permits) + ")");
            update.set(c, "if_not_exists(" + c + ", " + update.number(0) + ") + " + update.number(permits));
        }
        update.set(w, id);
        for (long other = current + 1; other < current + NAMES; other++) {
            update.remove(counter(i, other));
        }
    }

    @Override
    boolean giveBack(Update update, int i, long permits, long now) {
        if (window(now) != window || used < permits) {
            return false;
        }
        String c = counter(i, window);
        update.require("w" + i + " = " + update.number(window));
        update.require(c + " >= " + update.number(permits));
        update.set(c, c + " - " + update.number(permits));
        return true;
    }

    private static String counter(int i, long window) {
        return "u" + i + "x" + Math.floorMod(window, NAMES);
    }
}
