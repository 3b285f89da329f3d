package io.github.micronautratelimit.nativeimage;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ConstantDynamic;
import org.objectweb.asm.Handle;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;
import org.objectweb.asm.Type;

/**
 * Finds look-ups by name in compiled classes, which a native image cannot detect. A use has the form
 * {@code caller: method}, such as {@code a.b.Cell.handle: java.lang.Class.forName}. The code of a lambda counts as the
 * code of its method.
 */
final class DynamicUses {

    private final Set<String> found = new TreeSet<>();

    private DynamicUses() {}

    static Set<String> of(Collection<Path> classes) {
        DynamicUses uses = new DynamicUses();
        for (Path file : classes) {
            try {
                new ClassReader(Files.readAllBytes(file)).accept(uses.new OfClass(), ClassReader.SKIP_DEBUG);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
        return uses.found;
    }

    private final class OfClass extends ClassVisitor {

        private String type = "";

        OfClass() {
            super(Opcodes.ASM9);
        }

        @Override
        public void visit(
                int version,
                int access,
                String name,
                @Nullable String signature,
                @Nullable String superName,
                String @Nullable [] interfaces) {
            type = name.replace('/', '.');
        }

        @Override
        public MethodVisitor visitMethod(
                int access,
                String name,
                String descriptor,
                @Nullable String signature,
                String @Nullable [] exceptions) {
            return new OfMethod(type + "." + name.replaceFirst("^lambda\\$(.+)\\$\\d+$", "$1"));
        }
    }

    private final class OfMethod extends MethodVisitor {

        private final String where;
        private boolean afterClassLiteral;

        OfMethod(String where) {
            super(Opcodes.ASM9);
            this.where = where;
        }

        @Override
        public void visitMethodInsn(int opcode, String owner, String name, String descriptor, boolean ofInterface) {
            called(owner, name);
            if (afterClassLiteral && owner.equals("java/lang/Class") && name.equals("getName")) {
                found.add(where + ": the name of a class as text");
            }
            afterClassLiteral = false;
        }

        @Override
        public void visitLdcInsn(Object value) {
            afterClassLiteral = value instanceof Type;
            constant(value);
        }

        @Override
        public void visitInvokeDynamicInsn(String name, String descriptor, Handle bootstrap, Object... arguments) {
            bootstrapped(bootstrap, arguments);
        }

        private void bootstrapped(Handle bootstrap, Object... arguments) {
            called(bootstrap.getOwner(), bootstrap.getName());
            for (Object argument : arguments) {
                constant(argument);
            }
        }

        private void constant(Object value) {
            if (value instanceof Handle handle) {
                called(handle.getOwner(), handle.getName());
            } else if (value instanceof ConstantDynamic dynamic) {
                bootstrapped(dynamic.getBootstrapMethod());
            }
        }

        private void called(String owner, String name) {
            if (DynamicApi.has(owner, name)) {
                found.add(where + ": " + owner.replace('/', '.') + "." + name);
            }
        }
    }
}
