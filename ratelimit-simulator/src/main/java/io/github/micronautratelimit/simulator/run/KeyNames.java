package io.github.micronautratelimit.simulator.run;

import io.github.micronautratelimit.KeyHash;
import io.github.micronautratelimit.web.RequestKeys;

/** The names of keys in reports: hashes, unless the operator wants the keys themselves. Immutable. */
public final class KeyNames {

    private static final int LENGTH = 10;

    private final boolean shown;
    private final String salt;

    /**
     * Creates names.
     *
     * @param shown whether reports contain keys as they are
     * @param salt  makes hashes useless without it; the same salt gives the same hashes in several reports
     */
    public KeyNames(boolean shown, String salt) {
        this.shown = shown;
        this.salt = salt;
    }

    String of(String key) {
        if (!shown) {
            return "#" + KeyHash.brief(salt + '\n' + key).substring(0, LENGTH);
        }
        String value = key.startsWith("@") ? key.substring(1) : RequestKeys.value(key);
        return value.isEmpty() ? "{global}" : value;
    }
}
