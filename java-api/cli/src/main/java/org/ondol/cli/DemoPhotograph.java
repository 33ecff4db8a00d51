package org.ondol.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.ondol.models.weights.Download;
import org.ondol.spi.CacheFolders;

/**
 * What the demo looks at where nothing is given: Darknet's dog.jpg, and the weights of YOLO-Fastest 1.1 by their author,
 * both under licences that let everybody do everything with them. They are downloaded once and kept.
 *
 * @param folder where both are
 */
record DemoPhotograph(Path folder) {
  private static final String YOLO_FASTEST = "dog-qiuqiu/Yolo-Fastest@96a2900d163196c396e73f3fdab04ca4dd9a2f70";
  private static final String MODEL = "ModelZoo/yolo-fastest-1.1_coco/";
  private static final String DARKNET = "pjreddie/darknet@f6afaabcdf85f77e7aff2ec55c020c0e297c77f9";
  private static final Download PHOTO = new Download(DARKNET, "data/dog.jpg", 163_759,
      "5a9522051c3cec2bbd2f6323fccba32e8fbf3ddcc2b3e2fd46b04c720bc6f866");
  private static final List<Download> ALL = List.of(PHOTO,
      new Download(YOLO_FASTEST, MODEL + "yolo-fastest-1.1.cfg", 9_685,
          "f6df5775c1e862998cf69046eba9265be3ae84dfe8b2caab7529823f0795bf70"),
      new Download(YOLO_FASTEST, MODEL + "yolo-fastest-1.1.weights", 1_384_268,
          "1c445c42bbd6df63edea2cc69f99667b5650d663ca11e34b116240740cd42890"),
      new Download(YOLO_FASTEST, MODEL + "coco.names", 625,
          "634a1132eb33f8091d60f2c346ababe8b905ae08387037aed883953b7329af84"));

  /**
   * Takes what is kept, and gets what is not.
   *
   * @throws IOException saying why that cannot be done
   */
  static DemoPhotograph get(boolean offline) throws IOException {
    Path folder = CacheFolders.list().getFirst().resolve("demo");
    for (Download file : ALL) {
      if (file.isIn(folder)) continue;
      if (offline) throw new IOException(file.name() + " is not in " + folder + ", and nothing is downloaded");
      Text.status("getting " + file.name() + " from " + Download.server() + " ...");
      file.into(folder);
    }
    Text.status("");
    return new DemoPhotograph(folder);
  }

  Path photo() {
    return folder.resolve(PHOTO.name());
  }

  /** As "ondol detect" takes them. */
  Path weights() {
    return folder;
  }
}
