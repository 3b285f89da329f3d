package io.github.micronautratelimit.hazelcast;

import com.hazelcast.internal.serialization.DataSerializerHook;
import com.hazelcast.nio.serialization.DataSerializableFactory;
import com.hazelcast.nio.serialization.HazelcastSerializationException;

/**
 * Teaches every member and client that has this jar on its class path to read what is sent to it, with nothing to
 * configure. Hazelcast finds it as a service.
 */
public final class SerializationHook implements DataSerializerHook {

    /** Far from where others count from. */
    static final int FACTORY = 1_380_739_437;
    static final int DECIDE = 1;
    static final int WRITTEN = 2;
    static final int JOIN = 3;
    static final int PRESENCE = 4;
    static final int DECIDE_PLACES = 5;

    /** Made by Hazelcast. */
    public SerializationHook() {
    }

    @Override
    public int getFactoryId() {
        return FACTORY;
    }

    @Override
    public DataSerializableFactory createFactory() {
        return id -> switch (id) {
            case DECIDE -> new Decide();
            case WRITTEN -> new Written();
            case JOIN -> new JoinMergePolicy();
            case PRESENCE -> new Presence();
            case DECIDE_PLACES -> new DecidePlaces();
            default -> throw new HazelcastSerializationException("A newer version of micronaut-ratelimit-hazelcast sent "
                    + "what this instance does not know, type " + id + "; update this instance.");
        };
    }

    static void requireForm(int known, int form) {
        if (form != known) {
            throw new HazelcastSerializationException("Another version of micronaut-ratelimit-hazelcast sent form " + form
                    + ", but this instance reads form " + known + "; update this instance.");
        }
    }
}
