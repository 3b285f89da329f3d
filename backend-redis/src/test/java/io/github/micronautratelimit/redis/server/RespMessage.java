package io.github.micronautratelimit.redis.server;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;

/** The bytes of one command or reply of the Redis protocol, version 2 or 3. */
record RespMessage(byte[] bytes) {

    static RespMessage read(InputStream in) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        readElement(in, bytes);
        return new RespMessage(bytes.toByteArray());
    }

    private static void readElement(InputStream in, ByteArrayOutputStream bytes) throws IOException {
        String line = readLine(in, bytes);
        char type = line.charAt(0);
        int count = "$=!*~>%|".indexOf(type) < 0 ? -1 : Integer.parseInt(line.substring(1));
        if (count >= 0 && "$=!".indexOf(type) >= 0) {
            bytes.write(in.readNBytes(count + 2));
            return;
        }
        for (int i = 0; i < ("%|".indexOf(type) < 0 ? count : 2 * count); i++) {
            readElement(in, bytes);
        }
    }

    private static String readLine(InputStream in, ByteArrayOutputStream bytes) throws IOException {
        StringBuilder line = new StringBuilder();
        int last = in.read();
        while (last != '\n') {
            if (last < 0) {
                throw new EOFException();
            }
            bytes.write(last);
            line.append((char) last);
            last = in.read();
        }
        bytes.write('\n');
        return line.toString().strip();
    }

    /** Returns the name of a command in capital letters. */
    String commandName() {
        return new String(bytes, StandardCharsets.ISO_8859_1).split("\r\n", 4)[2].toUpperCase(Locale.ROOT);
    }
}
