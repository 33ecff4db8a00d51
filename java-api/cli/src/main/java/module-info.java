/** The {@code ondol} command line. */
module org.ondol.cli {
  requires org.ondol.models;
  requires com.google.gson;
  requires info.picocli;
  requires java.desktop;
  requires me.tongfei.progressbar;
  requires xchart;
  requires static com.microsoft.onnxruntime;

  exports org.ondol.cli;

  opens org.ondol.cli to info.picocli;
}
