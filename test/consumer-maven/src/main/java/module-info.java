/** A user's module. Which backends there are is decided by what lies on the module path. */
module com.example.consumer {
  requires org.ondol.core;
}
