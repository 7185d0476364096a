import de.bwaldvogel.mongo.MongoBackend;
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.MongoVersion;
import de.bwaldvogel.mongo.backend.QueryResult;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.BsonTimestamp;
import de.bwaldvogel.mongo.bson.Document;
import de.bwaldvogel.mongo.exception.MongoServerError;
import de.bwaldvogel.mongo.wire.message.MongoMessage;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * MongoStandIn PORT: mongo-java-server with its oplog, in memory, and what PyMongo's change streams want on top: a wire version of today, hello,
 * the name of a replica set, operationTime, ns in events, getMore that waits, and no way back behind the beginning of the oplog.
 */
public class MongoStandIn {
    /** By its cursor: what a stream gave before it was asked for. */
    private static final Map<Long, List<?>> STREAMS = new ConcurrentHashMap<>();
    private static final long LOOK_AGAIN_MS = 5;
    private static final int TOKEN_DIGITS = 16;
    /** Whether somebody has taken entries out of the oplog. */
    private static volatile boolean cut;

    public static void main(String[] arguments) {
        int port = Integer.parseInt(arguments[0]);
        MongoBackend real = new MemoryBackend();
        real.version(new Today());
        MongoServer server = new MongoServer(beside(real, "127.0.0.1:" + port));
        server.enableOplog();
        server.bind("127.0.0.1", port);
        Runtime.getRuntime().addShutdownHook(new Thread(server::shutdownNow));
    }

    /** The driver refuses the wire versions that are built in. */
    private static class Today implements MongoVersion {
        public List<Integer> getVersionArray() {
            return List.of(5, 0, 0);
        }

        public int getWireVersion() {
            return 13;
        }
    }

    private static MongoBackend beside(MongoBackend real, String address) {
        Class<?>[] what = {MongoBackend.class};
        return (MongoBackend) Proxy.newProxyInstance(MongoStandIn.class.getClassLoader(), what, (proxy, method, values) -> {
            try {
                if (method.getName().equals("handleMessage")) {
                    return answer(real, (MongoMessage) values[0], address);
                }
                Object result = method.invoke(real, values);
                if (method.getName().equals("handleQuery")) {
                    for (Document document : ((QueryResult) result).collectDocuments()) {
                        introduce(document, address);
                    }
                }
                return result;
            } catch (InvocationTargetException error) {
                throw error.getCause();
            }
        });
    }

    private static Document answer(MongoBackend real, MongoMessage message, String address) throws Exception {
        Document command = message.getDocument();
        String verb = command.keySet().iterator().next();
        if (verb.equals("hello")) {
            message = as(message, renamed(command));
        } else if (isStream(verb, command)) {
            refuseLost(real, message, command);
        } else if (verb.equals("delete") && command.get("delete").equals("oplog.rs")) {
            cut = true;
        }
        BsonTimestamp now = new BsonTimestamp(Instant.now(), 0);
        Document reply = real.handleMessage(message);
        if (isStream(verb, command) && reply.containsKey("cursor")) {
            holdBack((Document) reply.get("cursor"));
        } else if (verb.equals("getMore") && STREAMS.containsKey(((Number) command.get("getMore")).longValue())) {
            reply = awaited(real, message, command, reply);
        }
        introduce(reply, address);
        reply.putIfAbsent("operationTime", now);
        return reply;
    }

    private static MongoMessage as(MongoMessage message, Document command) {
        return new MongoMessage(message.getChannel(), message.getHeader(), command);
    }

    private static Document renamed(Document hello) {
        Document old = new Document("isMaster", 1);
        hello.forEach((name, value) -> {
            if (!name.equals("hello")) {
                old.append(name, value);
            }
        });
        return old;
    }

    private static boolean isStream(String verb, Document command) {
        return verb.equals("aggregate") && String.valueOf(command.get("pipeline")).contains("$changeStream");
    }

    /** The server's first batch is as large as it likes; streams that are read in raw batches want an empty one. */
    private static void holdBack(Document cursor) {
        STREAMS.put(((Number) cursor.get("id")).longValue(), (List<?>) cursor.get("firstBatch"));
        cursor.put("firstBatch", List.of());
    }

    /** Every token begins with the time of its entry, in hexadecimal digits. */
    private static void refuseLost(MongoBackend real, MongoMessage message, Document command) throws Exception {
        Document stage = (Document) ((Document) ((List<?>) command.get("pipeline")).get(0)).get("$changeStream");
        Object token = stage.getOrDefault("startAfter", stage.get("resumeAfter"));
        Object at = token instanceof Document ? time((String) ((Document) token).get("_data")) : stage.get("startAtOperationTime");
        BsonTimestamp first = first(real, message);
        if (cut && at instanceof BsonTimestamp && first != null && first.compareTo((BsonTimestamp) at) > 0) {
            throw new MongoServerError(286, "ChangeStreamHistoryLost", "the oplog no longer holds that time");
        }
    }

    private static BsonTimestamp time(String token) {
        return new BsonTimestamp(Long.parseUnsignedLong(token.substring(0, TOKEN_DIGITS), 16));
    }

    private static BsonTimestamp first(MongoBackend real, MongoMessage message) throws Exception {
        Document find = new Document("find", "oplog.rs").append("filter", new Document()).append("limit", 1).append("$db", "local");
        Document cursor = (Document) real.handleMessage(as(message, find)).get("cursor");
        List<?> found = (List<?>) cursor.get("firstBatch");
        return found.isEmpty() ? null : (BsonTimestamp) ((Document) found.get(0)).get("ts");
    }

    /** The call holds one of the server's threads for as long as the client said. */
    private static Document awaited(MongoBackend real, MongoMessage message, Document command, Document reply) throws Exception {
        long end = System.currentTimeMillis() + ((Number) command.getOrDefault("maxTimeMS", 1000)).longValue();
        while (isEmpty(command, reply) && System.currentTimeMillis() < end) {
            Thread.sleep(LOOK_AGAIN_MS);
            reply = real.handleMessage(message);
        }
        List<Object> all = new ArrayList<>(STREAMS.put(((Number) command.get("getMore")).longValue(), List.of()));
        all.addAll(events(reply));
        ((Document) reply.get("cursor")).put("nextBatch", all);
        for (Object event : all) {
            ((Document) event).putIfAbsent("ns", new Document("db", command.get("$db")).append("coll", command.get("collection")));
        }
        return reply;
    }

    private static boolean isEmpty(Document command, Document reply) {
        return events(reply).isEmpty() && STREAMS.get(((Number) command.get("getMore")).longValue()).isEmpty();
    }

    private static List<?> events(Document reply) {
        return (List<?>) ((Map<?, ?>) reply.get("cursor")).get("nextBatch");
    }

    private static void introduce(Document reply, String address) {
        if (!reply.containsKey("ismaster")) {
            return;
        }
        reply.append("isWritablePrimary", true).append("helloOk", true).append("secondary", false).append("logicalSessionTimeoutMinutes", 30);
        reply.append("setName", "rs0").append("setVersion", 1).append("hosts", List.of(address)).append("primary", address).append("me", address);
    }
}
