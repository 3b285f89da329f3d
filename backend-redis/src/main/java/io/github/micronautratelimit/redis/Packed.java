package io.github.micronautratelimit.redis;

import java.nio.ByteBuffer;

/** Unsigned integers of so many bytes, the highest first. */
final class Packed {

    private Packed() {
    }

    static void put(ByteBuffer buffer, long number, int bytes) {
        for (int shift = (bytes - 1) * Byte.SIZE; shift >= 0; shift -= Byte.SIZE) {
            buffer.put((byte) (number >>> shift));
        }
    }

    static long get(ByteBuffer buffer, int bytes) {
        long number = 0;
        for (int i = 0; i < bytes; i++) {
            number = number << Byte.SIZE | buffer.get() & 0xff;
        }
        return number;
    }
}
