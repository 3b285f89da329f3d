package io.github.micronautratelimit.hazelcast;

import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;

import org.jspecify.annotations.Nullable;

import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.core.HazelcastInstanceAware;
import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.ExtendedMapEntry;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.HazelcastSerializationException;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;

/**
 * A question on its way to the member that owns the key, whose partition thread takes the step. What was written is sent
 * to the backups as it is, for their clocks may differ; where nothing was written, no backup is asked and the entry is not
 * touched. On the wire: the form, the kind of question, the time, and what the question says itself.
 *
 * @param <T> what the asker wants to know
 * @param <Q> the question
 */
abstract class Deciding<T, Q extends Question<T>>
        implements EntryProcessor<String, byte[], long[]>, IdentifiedDataSerializable, HazelcastInstanceAware {

    private static final long serialVersionUID = 1L;
    private static final int FORM = 1;
    /** The time is the member's own. */
    private static final long NO_TIME = Long.MIN_VALUE;

    private transient @Nullable Q question;
    private transient long givenMicros;
    private transient @Nullable HazelcastInstance member;
    private transient @Nullable Written written;

    /** To be read. */
    Deciding() {
    }

    Deciding(Q question, @Nullable Long givenMicros) {
        this.question = question;
        this.givenMicros = givenMicros == null ? NO_TIME : givenMicros;
    }

    /** The answer as numbers. */
    abstract long[] numbers(Q asked, T answer);

    /** What kind of question it is, among {@link #kinds()}. */
    abstract Enum<?> kind(Q asked);

    /** The kinds that this version knows, in an order that never changes. */
    abstract Enum<?>[] kinds();

    abstract void write(Q asked, ObjectDataOutput out) throws IOException;

    abstract Q read(int kind, ObjectDataInput in) throws IOException;

    @Override
    public long[] process(Map.Entry<String, byte[]> entry) {
        Q asked = asked();
        boolean given = givenMicros != NO_TIME;
        Question.Change<T> change = asked.on(entry.getValue(), given ? givenMicros : clusterMicros(), given);
        written = change.written();
        if (written != null) {
            written.to((ExtendedMapEntry<String, byte[]>) entry);
        }
        return numbers(asked, change.answer());
    }

    private Q asked() {
        if (question == null) {
            throw new IllegalStateException("Nothing is asked.");
        }
        return question;
    }

    /** Members agree on it to the millisecond or so, even if their own clocks differ: a key may move between them. */
    private long clusterMicros() {
        if (member == null) {
            throw new IllegalStateException("No member decides.");
        }
        return TimeUnit.MILLISECONDS.toMicros(member.getCluster().getClusterTime());
    }

    @Override
    public @Nullable EntryProcessor<String, byte[], long[]> getBackupProcessor() {
        return written;
    }

    @Override
    public void setHazelcastInstance(HazelcastInstance instance) {
        this.member = instance;
    }

    @Override
    public int getFactoryId() {
        return SerializationHook.FACTORY;
    }

    @Override
    public void writeData(ObjectDataOutput out) throws IOException {
        Q asked = asked();
        out.writeByte(FORM);
        out.writeByte(kind(asked).ordinal());
        out.writeLong(givenMicros);
        write(asked, out);
    }

    @Override
    public void readData(ObjectDataInput in) throws IOException {
        SerializationHook.requireForm(FORM, in.readByte());
        int kind = in.readByte();
        if (kind < 0 || kind >= kinds().length) {
            throw new HazelcastSerializationException("A newer version of micronaut-ratelimit-hazelcast asks for what "
                    + "this member does not know; update the member.");
        }
        givenMicros = in.readLong();
        question = read(kind, in);
    }
}
