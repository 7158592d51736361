import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import org.jinterop.dcom.common.JIException;
import org.jinterop.dcom.common.JISystem;
import org.jinterop.dcom.core.*;
import org.jinterop.dcom.impls.JIObjectFactory;

/**
 * j-Interop as a WMI client whose sinks the server calls. Every line that it prints is a step, a space and what came of it;
 * test_wmi_java.py knows what should. Arguments: address, account, password, protection (privacy, integrity, none), namespace, steps...
 *
 * Opnums count from the first after IUnknown's. Objects (MInterfacePointer of a custom reference, MS-WMI 2.2.4) are read as
 * the bytes that they are: j-Interop takes standard references only.
 */
public final class WmiPeer {
    static final String LOGIN_CLASS = "8BC3F05E-D86B-11D0-A075-00C04FB68820";
    static final String LOGIN = "F309AD18-D86A-11D0-A075-00C04FB68820";
    static final String SINK = "7C857801-7381-11CF-884D-00AA004B2E24";
    static final int NTLM_LOGIN = 3;
    static final int OPEN_NAMESPACE = 0, GET_OBJECT = 3, GET_OBJECT_ASYNC = 4, CLASS_ENUM = 9, CLASS_ENUM_ASYNC = 10,
        INSTANCE_ENUM_ASYNC = 16, QUERY = 17, QUERY_ASYNC = 18;
    static final int NEXT = 1;
    static final int NONE = JIFlags.FLAG_NULL;
    static final Object ABSENT = null; // is written as a NULL pointer
    static final String ROWS = "select * from Test_Base";

    static JISession session;
    static IJIComObject services;

    // ---- parameters ----

    static JIStruct object() throws JIException {
        JIStruct s = new JIStruct();
        s.addMember(Integer.class);
        s.addMember(new JIArray(Byte.class, null, 1, true));
        return s;
    }

    static String text(Object pointer) { // the object's bytes: names are in them as they are
        JIStruct s = pointer instanceof JIStruct ? (JIStruct) pointer : (JIStruct) ((JIPointer) pointer).getReferent();
        Byte[] all = (Byte[]) ((JIArray) s.getMember(1)).getArrayInstance();
        byte[] b = new byte[all.length];
        for (int i = 0; i < b.length; i++) b[i] = all[i];
        return new String(b, StandardCharsets.ISO_8859_1);
    }

    static JIString bstr(String s) {
        return new JIString(s, JIFlags.FLAG_REPRESENTATION_STRING_BSTR);
    }

    static JICallBuilder call(int opnum, Object... in) {
        JICallBuilder c = new JICallBuilder(true);
        c.setOpnum(opnum);
        for (Object o : in) {
            if (o instanceof Integer) c.addInParamAsInt((Integer) o, NONE);
            else if (o instanceof IJIComObject) c.addInParamAsComObject((IJIComObject) o, NONE);
            else c.addInParamAsObject(o, NONE);
        }
        return c;
    }

    static IJIComObject interfaceOf(IJIComObject from, JICallBuilder c) throws JIException {
        c.addOutParamAsType(IJIComObject.class, NONE);
        return JIObjectFactory.narrowObject((IJIComObject) from.call(c)[0]);
    }

    static void say(String step, Object what) {
        System.out.println(step + " " + what);
    }

    static String hex(int hresult) {
        return String.format("0x%08x", hresult);
    }

    // ---- a session ----

    /** j-Interop has a switch for the protection of calls to objects, none for activation, for which Windows asks integrity, too, since
     *  2023: what it begins with is set here. */
    static void begin(String level) throws Exception {
        for (Class<?> c : new Class<?>[] { JIComServer.class, Class.forName("org.jinterop.dcom.core.JIRemUnknownServer") }) {
            Field f = c.getDeclaredField("defaults");
            f.setAccessible(true);
            Properties p = (Properties) f.get(null);
            p.put("rpc.ntlm.sign", "true");
            p.put("rpc.ntlm.seal", String.valueOf(level.equals("privacy")));
            p.put("rpc.ntlm.keyExchange", "true");
            p.put("rpc.ntlm.keyLength", "128");
            p.put("rpc.ntlm.ntlm2", "true");
        }
    }

    static IJIComObject activate(String address, String user, String password, String level) throws Exception {
        if (!level.equals("none")) begin(level);
        session = JISession.createSession("", user, password);
        session.useNTLMv2(true);
        session.useSessionSecurity(level.equals("privacy"));
        session.setGlobalSocketTimeout(60000);
        return new JIComServer(JIClsid.valueOf(LOGIN_CLASS), address, session).createInstance().queryInterface(LOGIN);
    }

    static IJIComObject login(IJIComObject login, String namespace) throws JIException {
        Object wide = new JIPointer(new JIString(namespace, JIFlags.FLAG_REPRESENTATION_STRING_LPWSTR));
        return interfaceOf(login, call(NTLM_LOGIN, wide, ABSENT, 0, ABSENT));
    }

    // ---- calls that wait ----

    static void get() throws JIException {
        JICallBuilder c = call(GET_OBJECT, bstr("Test_Base.Name=\"alpha\",Slot=1"), 0, ABSENT, 0x20000, 0, 0);
        c.addOutParamAsType(Integer.class, NONE); // two pointers, then what they point at; the call result's
        c.addOutParamAsType(Integer.class, NONE);
        c.addOutParamAsObject(object(), NONE);
        c.addOutParamAsType(Integer.class, NONE);
        String s = text(services.call(c)[2]);
        say("get", s.startsWith("MEOW\4") && s.contains("alpha") && s.contains("Note"));
        try {
            c = call(GET_OBJECT, bstr("No_Such_Class"), 0, ABSENT, 0, 0);
            c.addOutParamAsType(Integer.class, NONE);
            c.addOutParamAsType(Integer.class, NONE);
            services.call(c);
            say("get-missing", "found");
        } catch (JIException e) {
            say("get-missing", hex(e.getErrorCode()));
        }
    }

    /** All of an enumeration: how many, and in how many calls. */
    static int[] drain(IJIComObject rows, int at_once, StringBuilder names) throws JIException {
        int count = 0, calls = 0, end = 0;
        while (end == 0) {
            JICallBuilder c = call(NEXT, -1, at_once);
            c.addOutParamAsObject(new JIArray(new JIPointer(object()), null, 1, true, true), NONE);
            c.addOutParamAsType(Integer.class, NONE);
            Object[] got;
            try {
                got = rows.call(c);
            } catch (JIException e) { // WBEM_S_FALSE comes so, and with what is left
                end = e.getErrorCode();
                got = c.getResultsInCaseOfException();
            }
            calls++;
            for (Object o : (Object[]) ((JIArray) got[0]).getArrayInstance())
                if (o != null) names.append(text(o));
            count += (Integer) got[1];
        }
        rows.release();
        return new int[] { count, calls, end };
    }

    static void query() throws JIException {
        StringBuilder names = new StringBuilder();
        int[] got = drain(interfaceOf(services, call(QUERY, bstr("WQL"), bstr(ROWS), 0x30, ABSENT)), 1, names);
        boolean right = names.indexOf("alpha") > 0 && names.indexOf("beta") > names.indexOf("alpha");
        say("query", got[0] + " in " + got[1] + " end " + got[2] + " " + right);
        try {
            interfaceOf(services, call(QUERY, bstr("WQL"), bstr("select from"), 0x30, ABSENT));
            say("query-wrong", "taken");
        } catch (JIException e) {
            say("query-wrong", hex(e.getErrorCode()));
        }
    }

    static int classes() throws JIException {
        return drain(interfaceOf(services, call(CLASS_ENUM, bstr(""), 0, ABSENT)), 50, new StringBuilder())[0];
    }

    static void namespace(String name) throws JIException {
        JICallBuilder c = call(OPEN_NAMESPACE, bstr(name), 0, ABSENT, 0x20000, 0, 0);
        c.addOutParamAsType(Integer.class, NONE);
        c.addOutParamAsType(IJIComObject.class, NONE);
        c.addOutParamAsType(Integer.class, NONE);
        IJIComObject was = services;
        services = JIObjectFactory.narrowObject((IJIComObject) was.call(c)[1]);
        get();
        services.release();
        services = was;
    }

    // ---- sinks ----

    public static final class Sink {
        final IJIComObject reference;
        final StringBuilder names = new StringBuilder();
        int count, calls;
        Integer status;

        Sink() throws JIException {
            JILocalParamsDescriptor indicate = new JILocalParamsDescriptor(), status = new JILocalParamsDescriptor();
            indicate.addInParamAsType(Integer.class, NONE);
            indicate.addInParamAsObject(new JIArray(new JIPointer(object()), null, 1, true), NONE);
            status.addInParamAsType(Integer.class, NONE);
            status.addInParamAsType(Integer.class, NONE);
            status.addInParamAsObject(new JIString(JIFlags.FLAG_REPRESENTATION_STRING_BSTR), NONE);
            status.addInParamAsObject(new JIPointer(object()), NONE);
            JILocalInterfaceDefinition d = new JILocalInterfaceDefinition(SINK, false);
            d.addMethodDescriptor(new JILocalMethodDescriptor("Indicate", indicate));
            d.addMethodDescriptor(new JILocalMethodDescriptor("SetStatus", status));
            reference = JIObjectFactory.buildObject(session, new JILocalCoClass(d, this, true));
        }

        public synchronized void Indicate(int n, JIArray objects) {
            Object[] all = (Object[]) objects.getArrayInstance();
            if (status != null || all.length != n) say("indicate", "is wrong");
            for (Object o : all) names.append(text(o));
            count += n;
            calls++;
            notifyAll();
        }

        public synchronized void SetStatus(int flags, int result, JIString text, JIPointer object) {
            if (flags != 0) return; // progress
            if (status != null) say("status", "came twice");
            status = result;
            notifyAll();
        }

        /** Until it has its status. */
        synchronized Sink await() throws InterruptedException {
            long end = System.currentTimeMillis() + 20000, now;
            while (status == null && (now = System.currentTimeMillis()) < end) wait(end - now);
            return this;
        }

        synchronized String outcome() {
            return count + " " + (status == null ? "pending" : hex(status));
        }
    }

    static Sink deliver(int opnum, Object... in) throws Exception {
        Sink sink = new Sink();
        Object[] all = new Object[in.length + 1];
        System.arraycopy(in, 0, all, 0, in.length);
        all[in.length] = sink.reference;
        services.call(call(opnum, all));
        return sink;
    }

    static void sinks() throws Exception {
        Sink s = deliver(QUERY_ASYNC, bstr("WQL"), bstr(ROWS), 0, ABSENT).await();
        say("sink-query", s.outcome() + " " + (s.names.indexOf("alpha") > 0 && s.names.indexOf("beta") > 0));
        say("sink-instances", deliver(INSTANCE_ENUM_ASYNC, bstr("Test_Derived"), 0, ABSENT).await().outcome());
        say("sink-get", deliver(GET_OBJECT_ASYNC, bstr("Test_Single=@"), 0, ABSENT).await().outcome());
        say("sink-missing", deliver(GET_OBJECT_ASYNC, bstr("No_Such_Class"), 0, ABSENT).await().outcome());
        s = deliver(CLASS_ENUM_ASYNC, bstr(""), 0, ABSENT).await();
        say("sink-classes", (s.count == classes() && s.count > 30 && s.calls > 1) + " " + hex(s.status == null ? -1 : s.status));
        int many = 0; // one after the other: j-Interop mixes up the interfaces of binds that come at a time; few: each is a place of its own
        while (many < 3 && deliver(QUERY_ASYNC, bstr("WQL"), bstr(ROWS), 0, ABSENT).await().outcome().equals("2 0x00000000")) many++;
        say("sink-many", many);
    }

    public static void main(String[] a) throws Exception {
        System.setProperty("java.util.logging.config.file", "/dev/null"); // the library tells every packet
        JISystem.setAutoRegisteration(false);
        IJIComObject login;
        try {
            login = activate(a[0], a[1], a[2], a[3]);
        } catch (JIException e) {
            say("activate", hex(e.getErrorCode()));
            return;
        }
        say("activate", hex(0));
        try {
            services = login(login, a[4]);
        } catch (JIException e) {
            say("login", hex(e.getErrorCode()));
        }
        if (services != null) {
            say("login", hex(0));
            for (int i = 5; i < a.length; i++) {
                if (a[i].equals("get")) get();
                else if (a[i].equals("query")) query();
                else if (a[i].equals("classes")) say("classes", classes() > 30);
                else if (a[i].equals("namespace")) namespace("default");
                else if (a[i].equals("sinks")) sinks();
                else say(a[i], "is no step");
            }
        }
        JISession.destroySession(session);
        say("end", "well");
        System.exit(0); // its timers live on
    }
}
