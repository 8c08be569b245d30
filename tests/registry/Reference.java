import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigList;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigValue;
import java.io.File;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.TreeMap;

/** Reads files with the reference implementation and prints each value with its path, as the suite does with ours. */
public final class Reference {
    private static final PrintStream OUT = out();

    private static PrintStream out() {
        try {
            return new PrintStream(System.out, true, "UTF-8");
        } catch (java.io.UnsupportedEncodingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Each argument is a file, or a directory of files that lie over each other. */
    public static void main(String[] arguments) {
        for (String argument : arguments) {
            OUT.println("== " + argument);
            try {
                File file = new File(argument);
                File[] files = file.isDirectory() ? file.listFiles() : new File[] {file};
                Arrays.sort(files);
                Config config = ConfigFactory.empty();
                for (File layer : files) {
                    ConfigParseOptions strict = ConfigParseOptions.defaults().setAllowMissing(false);
                    config = config.withFallback(ConfigFactory.parseFile(layer, strict));
                }
                ConfigResolveOptions alone = ConfigResolveOptions.noSystem();
                StringBuilder text = new StringBuilder();
                print("", config.resolve(alone).root(), text);
                OUT.print(text);
            } catch (RuntimeException e) {
                // Some broken files make it stumble over its own message.
                OUT.println("! " + String.valueOf(e.getMessage()).replace('\n', ' '));
            }
        }
    }

    private static void print(String path, ConfigValue value, StringBuilder to) {
        switch (value.valueType()) {
            case OBJECT:
                ConfigObject object = (ConfigObject) value;
                if (object.isEmpty()) {
                    to.append(path).append(" = {}\n");
                }
                for (var entry : new TreeMap<>(object).entrySet()) {
                    print(path + "/" + escaped(entry.getKey()), entry.getValue(), to);
                }
                break;
            case LIST:
                ConfigList list = (ConfigList) value;
                if (list.isEmpty()) {
                    to.append(path).append(" = []\n");
                }
                for (int at = 0; at < list.size(); at++) {
                    print(path + "/[" + at + "]", list.get(at), to);
                }
                break;
            case NULL:
                to.append(path).append(" = null\n");
                break;
            default:
                String text = value.atKey("value").getString("value");
                to.append(path).append(" = \"").append(escaped(text)).append("\"\n");
        }
    }

    private static String escaped(String text) {
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r");
    }
}
