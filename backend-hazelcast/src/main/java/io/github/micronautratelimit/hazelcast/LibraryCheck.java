package io.github.micronautratelimit.hazelcast;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceAware;
import com.hazelcast.internal.util.Clock;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import java.io.IOException;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * Confirms by its success that a member has this library: no other member can deserialize it.
 *
 * <p>The form and the answer are the same in all versions, except that a newer one may add to their ends: a member
 * of any version must be able to answer.
 */
final class LibraryCheck implements Callable<long[]>, IdentifiedDataSerializable, HazelcastInstanceAware {

    private String map = "";
    private boolean configuresMap;
    private transient @Nullable HazelcastInstance member;

    /** Creates a check to deserialize. */
    LibraryCheck() {}

    LibraryCheck(String map, boolean configuresMap) {
        this.map = map;
        this.configuresMap = configuresMap;
    }

    @Override
    public long[] call() {
        long warnings = 0;
        if (configuresMap && member != null) {
            for (ClusterWarning warning : RateLimitMapConfig.configure(member, map)) {
                warnings |= warning.bit();
            }
        }
        return new long[] {RateLimitProtocol.VERSION, Clock.currentTimeMillis(), warnings};
    }

    static long versionIn(long[] answer) {
        return answer[0];
    }

    /** Returns the time of the clock by which the member expires entries. */
    static long millisIn(long[] answer) {
        return answer[1];
    }

    static long warningsIn(long[] answer) {
        return answer[2];
    }

    @Override
    public void setHazelcastInstance(HazelcastInstance instance) {
        this.member = instance;
    }

    @Override
    public int getFactoryId() {
        return RateLimitProtocol.FACTORY_ID;
    }

    @Override
    public int getClassId() {
        return RateLimitProtocol.LIBRARY_CHECK_ID;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
        out.writeString(map);
        out.writeBoolean(configuresMap);
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
        String name = in.readString();
        map = name == null ? "" : name;
        configuresMap = in.readBoolean();
    }
}
