package org.ondol.test.training;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.ondol.Device;
import org.ondol.InvalidArgumentException;
import org.ondol.Scope;
import org.ondol.Tensor;
import org.ondol.models.data.Batch;
import org.ondol.models.data.DataException;
import org.ondol.models.data.DataSet;
import org.ondol.models.data.DataSets;
import org.ondol.models.data.Examples;
import org.ondol.models.data.Size;
import org.ondol.models.data.Truth;
import org.ondol.models.detection.LabelledBox;
import org.ondol.models.images.Picture;
import org.ondol.models.training.Form;
import org.opentest4j.TestAbortedException;

/** Data sets of photographs in each of their forms: what is published, what is made here, and what is damaged. */
class PhotographsTest {
  private static final Path DATA = Path.of(System.getProperty("ondol.root", ".."), "..", "shared", "data");

  @TempDir
  Path folder;

  private static Path data(String name) {
    Path path = DATA.resolve(name);
    if (!Files.exists(path)) {
      System.out.println("[skipped] " + name + " is not at " + DATA);
      throw new TestAbortedException("no " + path);
    }
    return path;
  }

  /** Writes a PNG whose pixel (x, y) has the shade 10 x + y. */
  private Path picture(String name, int width, int height) throws IOException {
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < height; y++) for (int x = 0; x < width; x++) image.setRGB(x, y, (10 * x + y) * 0x010101);
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    assertTrue(ImageIO.write(image, "png", file.toFile()));
    return file;
  }

  private Path text(String name, String content) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    return Files.writeString(file, content);
  }

  private void map(String name, int width, int... values) throws IOException {
    BufferedImage image = new BufferedImage(width, values.length / width, BufferedImage.TYPE_BYTE_GRAY);
    for (int i = 0; i < values.length; i++) image.getRaster().setSample(i % width, i / width, 0, values[i]);
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    assertTrue(ImageIO.write(image, "png", file.toFile()));
  }

  private void refused(String... words) {
    String message = assertThrows(DataException.class, () -> DataSets.open(folder)).getMessage();
    for (String word : words) assertTrue(message.contains(word), "\"" + message + "\" has not \"" + word + "\"");
  }

  /** Numbers of boxes as the data's page gives them; the first boxes as its JSON does. */
  @Test
  void bccd() throws IOException {
    Path path = data("bccd");
    DataSet cells = DataSets.open(path, new Size(320, 240));
    assertEquals(List.of("Platelets", "RBC", "WBC"), cells.train().classes());
    assertArrayEquals(new int[] {209, 2381, 214}, counts(cells.train()));
    assertArrayEquals(new int[] {83, 967, 87}, counts(cells.valid()));
    assertNull(cells.test());
    assertArrayEquals(new long[] {3, 240, 320}, cells.train().shape());
    JsonArray pictures = JsonParser.parseString(Files.readString(path.resolve("val.json"))).getAsJsonArray();
    for (int i = 0; i < pictures.size(); i++) {
      JsonObject picture = pictures.get(i).getAsJsonObject();
      assertEquals(picture.get("file").getAsString(), "val/" + cells.valid().file(i));
      List<LabelledBox> boxes = cells.valid().boxes(i);
      assertEquals(picture.get("boxes").getAsJsonArray().size(), boxes.size());
      int k = 0;
      for (JsonElement e : picture.get("boxes").getAsJsonArray()) {
        LabelledBox b = boxes.get(k++);
        float[] sides = {b.x1() * 2 + 1, b.y1() * 2 + 1, b.x2() * 2, b.y2() * 2}; // half the size
        for (int s = 0; s < 4; s++) assertEquals(e.getAsJsonArray().get(s + 1).getAsFloat(), sides[s], 0);
      }
    }
    assertArrayEquals(Picture.read(path.resolve("train/BloodImage_00001.jpg")).reduced(320, 240).planes(),
        cells.train().picture(0).planes());
  }

  private static int[] counts(Examples examples) {
    int[] counts = new int[examples.classes().size()];
    for (int i = 0; i < examples.count(); i++) for (LabelledBox b : examples.boxes(i)) counts[b.label()]++;
    return counts;
  }

  /** Pixels of each class as classes.json counts them. */
  @Test
  void camvid() throws IOException {
    Path path = data("camvid");
    DataSet streets = DataSets.open(path);
    assertEquals(367, streets.train().count());
    assertEquals(101, streets.valid().count());
    assertArrayEquals(new long[] {3, 180, 240}, streets.train().shape());
    assertEquals(11, ((Truth.Maps) streets.train().truth()).ignored());
    JsonArray classes = JsonParser.parseString(Files.readString(path.resolve("classes.json"))).getAsJsonObject()
        .get("classes").getAsJsonArray();
    for (Examples part : new Examples[] {streets.train(), streets.valid()}) {
      long[] pixels = new long[12];
      for (int i = 0; i < part.count(); i++) for (byte v : part.map(i)) pixels[v]++;
      for (JsonElement e : classes) {
        JsonObject c = e.getAsJsonObject();
        int index = c.get("index").getAsInt();
        assertEquals(c.get((part == streets.valid() ? "val" : "train") + "_pixels_240x180").getAsLong(), pixels[index]);
        if (index < 11) assertEquals(c.get("name").getAsString(), part.classes().get(index));
      }
    }
    Examples full = DataSets.open(path.resolve("val-full")).train();
    assertEquals(8, full.count());
    assertArrayEquals(new long[] {3, 360, 480}, full.shape());
    assertEquals(streets.train().classes(), full.classes());
  }

  @Test
  void boxLists() throws IOException {
    picture("train/a.png", 8, 6);
    picture("val/b.png", 8, 6);
    text("train.json", """
        [{"file": "train/a.png", "width": 8, "height": 6, "note": {"x": [1]},
          "boxes": [["z", 1, 1, 8, 6], ["y", 3, 2, 4, 5]]}]
        """);
    text("val.json", """
        [{"file": "val/b.png", "width": 8, "height": 6, "boxes": []}]
        """);
    DataSet set = DataSets.open(folder);
    assertEquals(List.of("y", "z"), set.train().classes());
    assertEquals(List.of(new LabelledBox(1, 0, 0, 8, 6), new LabelledBox(0, 2, 1, 4, 5)), set.train().boxes(0));
    assertEquals(List.of(), set.valid().boxes(0));
    assertEquals("a.png", set.train().file(0));
    assertEquals(35, set.train().picture(0).value(2, 3, 5));
    DataSet wide = DataSets.open(folder, new Size(16, 3));
    assertEquals(List.of(new LabelledBox(1, 0, 0, 16, 3), new LabelledBox(0, 4, 0.5f, 8, 2.5f)), wide.train().boxes(0));
    // Pictures of different sizes get 416 x 416.
    picture("val/b.png", 8, 7);
    text("val.json", "[{\"file\": \"val/b.png\", \"width\": 8, \"height\": 7, \"boxes\": []}]");
    assertArrayEquals(new long[] {3, 416, 416}, DataSets.open(folder).train().shape());
  }

  /** A name, what the list says, and what is said of it. */
  @Test
  void damagedBoxLists() throws IOException {
    picture("a.png", 8, 6);
    String[][] cases = {
      {"\"boxes\": [[\"z\", 1, 1, 8, 9]]", "a.png", "outside the picture of 8 x 6"},
      {"\"boxes\": [[\"z\", -1, 1, 8, 6]]", "a.png", "outside"},
      {"\"boxes\": [[\"z\", 11, 1, 12, 6]]", "a.png", "outside"},
      {"\"boxes\": [[\"z\", 5, 1, 3, 6]]", "a.png", "no extent"},
      {"\"boxes\": [[\"z\", 5, 1, 4, 6]]", "a.png", "no extent"},
      {"\"boxes\": [[\"z\", 1, 1, 1e99, 6]]", "a.png", "outside"},
      {"\"boxes\": [[\"z\", NaN, 1, 8, 6]]", "not JSON"},
      {"\"boxes\": [[\"z\", 1, 1, 1e999, 6]]", "train.json"},
      {"\"boxes\": [[\"z\", 1, 1, 8]]", "train.json", "form"},
      {"\"boxes\": [[\"z\", 1, 1, 8, 6, 7]]", "train.json", "form"},
      {"\"boxes\": [[\"z\", \"one\", 1, 8, 6]]", "train.json"},
      {"\"boxes\": {\"z\": 1}", "train.json", "form"},
      {"\"boxes\": []", "no object"},
      {"\"boxes\": [[\"\", 1, 1, 8, 6]]", "classes"},
      {"\"other\": []", "train.json", "entry 1"}};
    for (String[] c : cases) {
      text("train.json", "[{\"file\": \"a.png\", \"width\": 8, \"height\": 6, " + c[0] + "}]");
      refused(Arrays.copyOfRange(c, 1, c.length));
    }
    String boxes = ", \"boxes\": [[\"z\", 1, 1, 8, 6]]}";
    String[][] wholes = {
      {"[{\"file\": \"a.png\", \"width\": 9, \"height\": 6" + boxes + "]", "a.png", "8 x 6", "says 9 x 6"},
      {"[{\"file\": \"a.png\", \"width\": -8, \"height\": 6" + boxes + "]", "train.json", "entry 1"},
      {"[{\"file\": \"b.png\", \"width\": 8, \"height\": 6" + boxes + "]", "b.png", "no such file"},
      {"[{\"file\": \"../a.png\", \"width\": 8, \"height\": 6" + boxes + "]", "../a.png", "not in"},
      {"[{\"file\": \"\\u0000\", \"width\": 8, \"height\": 6" + boxes + "]", "no file name"},
      {"[]", "no object"}, {"[", "not JSON"}, {"[1]", "form"}, {"[] []", "JSON"}, {"", "not JSON"},
      {"[".repeat(100000), "train.json"}, {"[{\"file\": " + "[".repeat(100000), "train.json"}};
    for (String[] w : wholes) {
      text("train.json", w[0]);
      refused(Arrays.copyOfRange(w, 1, w.length));
    }
    Files.write(folder.resolve("train.json"), new byte[] {'[', '"', (byte) 0xFF, (byte) 0xC0, '"', ']'});
    refused("train.json");
    // A class that the part to train with does not have.
    text("train.json", "[{\"file\": \"a.png\", \"width\": 8, \"height\": 6" + boxes + "]");
    text("val.json", "[{\"file\": \"a.png\", \"width\": 8, \"height\": 6, \"boxes\": [[\"q\", 1, 1, 8, 6]]}]");
    refused("val.json", "(q)", "unknown class", "[z]");
    // A picture that is damaged.
    text("val.json", "[]");
    refused("valid");
    Files.delete(folder.resolve("val.json"));
    assertEquals(1, DataSets.open(folder).train().count());
    byte[] png = Files.readAllBytes(folder.resolve("a.png"));
    Files.write(folder.resolve("a.png"), Arrays.copyOf(png, png.length - 30));
    refused("a.png", "damaged");
    text("a.png", "nonsense");
    refused("a.png", "no image");
  }

  private static final String XML = """
      <annotation><filename>a.png</filename><size><width>8</width><height>6</height><depth>3</depth></size>
        <object><name>dog</name><difficult>1</difficult>
          <bndbox><xmin>2</xmin><ymin>1</ymin><xmax>5.5</xmax><ymax>6</ymax></bndbox>
          <part><name>head</name><bndbox><xmin>2</xmin><ymin>1</ymin><xmax>3</xmax><ymax>2</ymax></bndbox></part></object>
        <object><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>1</xmax><ymax>1</ymax></bndbox><name>cat</name></object>
      </annotation>
      """;

  private void voc(String xml) throws IOException {
    picture("JPEGImages/a.png", 8, 6);
    text("Annotations/a.xml", xml);
    text("ImageSets/Main/train.txt", "a\n\n");
  }

  @Test
  void voc() throws IOException {
    voc(XML);
    List<LabelledBox> boxes = List.of(new LabelledBox(1, 1, 0, 5.5f, 6, true), new LabelledBox(0, 0, 0, 1, 1));
    DataSet set = DataSets.open(folder);
    assertEquals(List.of("cat", "dog"), set.train().classes());
    assertEquals(boxes, set.train().boxes(0));
    assertNull(set.valid());
    text("ImageSets/Main/val.txt", "a  -1\n"); // as the lists of a class are
    text("classes.txt", "dog\ncat\nbird\n");
    set = DataSets.open(folder);
    assertEquals(List.of("dog", "cat", "bird"), set.train().classes());
    assertEquals(new LabelledBox(1, 0, 0, 1, 1), set.valid().boxes(0).get(1));
  }

  @Test
  void damagedVoc() throws IOException {
    String entity = "<!DOCTYPE annotation [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>";
    StringBuilder bomb = new StringBuilder("<!DOCTYPE annotation [<!ENTITY a0 \"ha\">");
    for (int i = 1; i < 30; i++) {
      bomb.append("<!ENTITY a%d \"&a%d;&a%d;&a%d;&a%d;\">".formatted(i, i - 1, i - 1, i - 1, i - 1));
    }
    bomb.append("]>").append(XML.replace("dog", "&a29;"));
    String[][] cases = {
      {entity + XML.replace("dog", "&x;"), "a.xml", "DOCTYPE"},
      {bomb.toString(), "a.xml", "DOCTYPE"},
      {"<annotation>".repeat(200000), "a.xml"},
      {"", "a.xml"}, {"no XML", "a.xml"}, {"<other/>", "a.xml", "<other>"},
      {XML.replace("</annotation>", ""), "a.xml"},
      {XML.replace("<xmax>5.5</xmax>", ""), "a.xml", "no <xmax> in <bndbox>"},
      {XML.replace("5.5", "five"), "a.xml", "\"five\" in <xmax>"},
      {XML.replace("5.5", "NaN"), "a.xml", "finite"},
      {XML.replace("5.5", "Infinity"), "a.xml", "finite"},
      {XML.replace("5.5", "-5"), "a.xml", "no extent"},
      {XML.replace("5.5", "95"), "a.xml", "outside"},
      {XML.replace("<width>8", "<width>9"), "a.xml", "says 9 x 6"},
      {XML.replace("<width>8", "<width>-8"), "a.xml", "no extent"},
      {XML.replace("<name>cat</name>", ""), "a.xml", "no <name>"}};
    for (String[] c : cases) {
      voc(c[0]);
      refused(Arrays.copyOfRange(c, 1, c.length));
    }
    voc(XML);
    text("ImageSets/Main/train.txt", "b\n");
    refused("b.xml", "no such file");
    text("ImageSets/Main/train.txt", "../../b\n");
    refused("../../b");
    text("ImageSets/Main/train.txt", "");
    refused("no object");
    text("ImageSets/Main/train.txt", "a");
    text("classes.txt", "cat\n");
    refused("a.xml", "dog", "unknown class");
    text("classes.txt", "cat\ncat\n");
    refused("different");
    Files.delete(folder.resolve("classes.txt"));
    Files.delete(folder.resolve("JPEGImages/a.png"));
    refused("a.xml", "no picture");
    Files.delete(folder.resolve("ImageSets/Main/train.txt"));
    refused("neither train.txt");
  }

  private static final String COCO = """
      {"info": {"year": 2014}, "images": [{"id": 9, "file_name": "b.png", "width": 8, "height": 6, "license": 1},
        {"id": 3, "file_name": "a.png", "width": 8, "height": 6}],
       "annotations": [{"id": 1, "image_id": 3, "category_id": 17, "bbox": [1.5, 0, 4, 5.25], "iscrowd": 0, "area": 7,
          "segmentation": [[1, 2, 3, 4]]},
        {"id": 2, "image_id": 3, "category_id": 2, "bbox": [0, 0, 8, 6], "iscrowd": 1,
          "segmentation": {"counts": [1]}}],
       "categories": [{"id": 17, "name": "cat", "supercategory": "animal"}, {"id": 2, "name": "bicycle"}]}
      """;

  @Test
  void coco() throws IOException {
    for (String place : List.of("train2017/")) {
      picture(place + "a.png", 8, 6);
      picture(place + "b.png", 8, 6);
    }
    Path file = text("annotations/instances_train2017.json", COCO);
    for (DataSet set : List.of(DataSets.open(folder), DataSets.open(file))) {
      assertEquals(List.of("bicycle", "cat"), set.train().classes()); // by their ids
      assertEquals("b.png", set.train().file(0));
      assertEquals(List.of(), set.train().boxes(0));
      assertEquals(List.of(new LabelledBox(1, 1.5f, 0, 5.5f, 5.25f), new LabelledBox(0, 0, 0, 8, 6, true)),
          set.train().boxes(1));
    }
    text("annotations/instances_train2014.json", COCO);
    refused("more than one file");
  }

  @Test
  void cocoBesideItsPictures() throws IOException {
    picture("a.png", 8, 6);
    picture("b.png", 8, 6);
    text("train.json", COCO);
    text("val.json", COCO.replace("iscrowd\": 1", "iscrowd\": 0"));
    DataSet set = DataSets.open(folder);
    assertEquals(true, set.train().boxes(1).get(1).difficult());
    assertEquals(false, set.valid().boxes(1).get(1).difficult());
    Files.delete(folder.resolve("val.json"));
    String[][] cases = {
      {COCO.replace("\"image_id\": 3, \"category_id\": 17", "\"image_id\": 4, \"category_id\": 17"), "annotation 1",
        "unknown image, 4"},
      {COCO.replace("\"category_id\": 17", "\"category_id\": 18"), "annotation 1", "category 18"},
      {COCO.replace("\"id\": 9", "\"id\": 3"), "two images", "3"},
      {COCO.replace("{\"id\": 2, \"name\"", "{\"id\": 17, \"name\""), "two categories", "17"},
      {COCO.replace("\"bicycle\"", "\"cat\""), "different"},
      {COCO.replace("4, 5.25", "-4, 5.25"), "no extent"},
      {COCO.replace("4, 5.25", "4, 0"), "no extent"},
      {COCO.replace("4, 5.25", "40, 5.25"), "outside"},
      {COCO.replace("4, 5.25", "4"), "form"},
      {COCO.replace("\"file_name\": \"a.png\", ", ""), "image 2", "file_name"},
      {COCO.replace("\"bbox\"", "\"box\""), "annotation 1", "bbox"},
      {COCO.replace("\"name\": \"cat\"", "\"title\": \"cat\""), "category 1"},
      {COCO.replace("\"a.png\"", "\"c.png\""), "c.png", "no such file"},
      {COCO.replace("\"image_id\": 3", "\"image_id\": 3.5"), "train.json"},
      {"{}", "0 images"}, {"{\"images\": 3}", "form"}, {COCO.replace("]}\n", ""), "not JSON"}};
    for (String[] c : cases) {
      text("train.json", c[0]);
      refused(Arrays.copyOfRange(c, 1, c.length));
      refused(folder.toString());
    }
    text("train.json", COCO);
    text("val.json", COCO.replace("bicycle", "tricycle"));
    refused("val.json", "tricycle");
  }

  @Test
  void darknet() throws IOException {
    picture("images/train/a.png", 8, 6);
    picture("images/val/b.png", 8, 6);
    text("labels/train/a.txt", "1 0.5 0.5 0.25 1\n0 0.125 0.5 0.25 1.0\n");
    text("labels/val/b.txt", "");
    text("obj.names", "dog\ncat\n");
    List<LabelledBox> boxes = List.of(new LabelledBox(1, 3, 0, 5, 6), new LabelledBox(0, 0, 0, 2, 6));
    DataSet set = DataSets.open(folder);
    assertEquals(List.of("dog", "cat"), set.train().classes());
    assertEquals(boxes, set.train().boxes(0));
    assertEquals(List.of(), set.valid().boxes(0));
    // Listed; the text beside the picture.
    picture("data/c.png", 8, 6);
    text("data/c.txt", "1 0.5 0.5 0.25 1");
    text("train.txt", "data/c.png\nimages/train/a.png\n");
    set = DataSets.open(folder);
    assertEquals(boxes.subList(0, 1), set.train().boxes(0));
    assertEquals(boxes, set.train().boxes(1));
    assertEquals(1, set.valid().count());
    String[][] cases = {{"2 0.5 0.5 0.25 1", "class of 0 to 1"}, {"-1 0.5 0.5 0.25 1", "class"}, {"0.5 0.5 0.5 0.25 1",
        "class"},
      {"0 0.5 0.5 0.25", "expected class"}, {"0 0.5 0.5 0.25 1 7", "expected class"}, {"0 0.5 x 0.25 1", "numbers"},
      {"0 0.5 0.5 NaN 1", "finite"}, {"NaN 0.5 0.5 1 1", "class"}, {"0 0.5 0.5 -0.25 1", "no extent"},
      {"0 0.5 0.5 0 1", "no extent"}, {"0 1.5 0.5 0.25 1", "outside"}, {"0 0.5 0.5 2 1", "outside"}};
    for (String[] c : cases) {
      text("labels/train/a.txt", "0 0.5 0.5 0.5 0.5\n" + c[0]);
      refused("a.txt", c[1]);
    }
    Files.delete(folder.resolve("labels/train/a.txt"));
    refused("a.png", "no text file");
  }

  /** All in one folder. */
  @Test
  void flatDarknet() throws IOException {
    picture("a.png", 8, 6);
    text("a.txt", "0 0.5 0.5 1 1");
    text("classes.txt", "thing");
    assertEquals(List.of(new LabelledBox(0, 0, 0, 8, 6)), DataSets.open(folder).train().boxes(0));
  }

  @Test
  void mapFolders() throws IOException {
    picture("train/a.png", 3, 2);
    picture("val/b.png", 3, 2);
    map("train-labels/a.png", 3, 0, 1, 2, 3, 0, 1);
    map("val-labels/b.png", 3, 0, 0, 0, 0, 0, 0);
    // The ignored number is the second of four: classes 0, 2, 3 become 0, 1, 2, and it becomes 255.
    text("classes.json", """
        {"classes": [{"index": 0, "name": "sky"}, {"index": 1, "name": "void"}, {"index": 2, "name": "road"},
          {"index": 3, "name": "car"}], "ignore_index": 1, "other": [1, {"x": 2}]}
        """);
    DataSet set = DataSets.open(folder);
    assertEquals(List.of("sky", "road", "car"), set.train().classes());
    assertArrayEquals(new byte[] {0, -1, 1, 2, 0, -1}, set.train().map(0));
    try (Scope scope = Scope.open()) {
      Batch batch = set.train().batch(Device.of("java"), 0);
      Tensor maps = batch.maps();
      assertArrayEquals(new long[] {1, 2, 3}, maps.shape());
      assertArrayEquals(new long[] {0, 255, 1, 2, 0, 255}, maps.toLongs());
      assertThrows(DataException.class, batch::boxes);
      assertThrows(DataException.class, batch::labels);
    }
    // Twice as wide, each pixel twice; half as wide, the middle ones of three columns at 0.75 and 2.25.
    assertArrayEquals(new byte[] {0, 0, -1, -1, 1, 1, 2, 2, 0, 0, -1, -1},
        DataSets.open(folder, new Size(6, 2)).train().map(0));
    assertArrayEquals(new byte[] {0, 1, 2, -1}, DataSets.open(folder, new Size(2, 2)).train().map(0));
    map("train-labels/a.png", 3, 0, 1, 2, 4, 0, 1);
    refused("a.png", "class 4", "column 0 of row 1");
    map("train-labels/a.png", 2, 0, 1, 2, 3);
    refused("a.png", "3 x 2", "2 x 2");
    Files.delete(folder.resolve("train-labels/a.png"));
    refused("a.png", "no label map");
    map("train-labels/a.png", 3, 0, 1, 2, 3, 0, 1);
    String[][] cases = {{"{\"classes\": [{\"index\": 0}]}", "no name"},
        {"{\"classes\": [{\"index\": 256, \"name\": \"a\"}]}", "256"},
      {"{\"classes\": [{\"index\": 0, \"name\": \"a\"}, {\"index\": 0, \"name\": \"b\"}]}", "two classes"},
      {"{\"classes\": [{\"index\": 0, \"name\": \"a\"}, {\"index\": 1, \"name\": \"a\"}]}", "same name"},
      {"{\"classes\": []}", "no class"}, {"{\"ignore_index\": 300, \"classes\": [{\"index\": 0, \"name\": \"a\"}]}",
          "300"},
      {"[]", "form"}, {"nonsense", "JSON"}};
    for (String[] c : cases) {
      text("classes.json", c[0]);
      refused("classes.json", c[1]);
    }
  }

  @Test
  void pairsOfPicturesAndMaps() throws IOException {
    Path inner = folder.resolve("inner/pairs");
    picture("inner/pairs/a.png", 2, 2);
    map("inner/pairs/a_label.png", 2, 0, 4, 255, 1);
    Examples e = DataSets.open(inner).train();
    assertEquals(List.of("0", "1", "2", "3", "4"), e.classes());
    assertEquals(255, ((Truth.Maps) e.truth()).ignored());
    assertArrayEquals(new byte[] {0, 4, -1, 1}, e.map(0));
    // Names from the folder above, and colours.
    text("inner/classes.json", """
        {"classes": [{"index": 0, "name": "red", "rgb": [255, 0, 0]}, {"index": 1, "name": "none", "rgb": [0, 0, 0]}],
         "ignore_index": 1}
        """);
    BufferedImage colours = new BufferedImage(2, 2, BufferedImage.TYPE_INT_RGB);
    colours.setRGB(1, 0, 0xFF0000);
    ImageIO.write(colours, "png", inner.resolve("a_label.png").toFile());
    e = DataSets.open(inner).train();
    assertArrayEquals(new byte[] {1, 0, 1, 1}, e.map(0));
    colours.setRGB(0, 1, 0x00FF00);
    ImageIO.write(colours, "png", inner.resolve("a_label.png").toFile());
    String message = assertThrows(DataException.class, () -> DataSets.open(inner)).getMessage();
    assertTrue(message.contains("#00ff00"), message);
  }

  /** A photograph that lies on its side: the notes' size says which way they mean it. */
  @Test
  void orientation() throws IOException {
    BufferedImage image = new BufferedImage(48, 32, BufferedImage.TYPE_INT_RGB);
    ImageIO.write(image, "jpg", folder.resolve("a.jpg").toFile());
    byte[] jpeg = Files.readAllBytes(folder.resolve("a.jpg"));
    byte[] exif = HexFormat.of().parseHex("FFE10022457869660000" + "4D4D002A00000008" + "0001"
        + "011200030000000100060000" + "00000000");
    byte[] turned = new byte[jpeg.length + exif.length];
    System.arraycopy(jpeg, 0, turned, 0, 2);
    System.arraycopy(exif, 0, turned, 2, exif.length);
    System.arraycopy(jpeg, 2, turned, 2 + exif.length, jpeg.length - 2);
    Files.write(folder.resolve("a.jpg"), turned);
    for (int[] size : new int[][] {{48, 32}, {32, 48}}) {
      text("train.json", "[{\"file\": \"a.jpg\", \"width\": %d, \"height\": %d, \"boxes\": [[\"z\", 1, 1, 2, %d]]}]"
          .formatted(size[0], size[1], size[1]));
      assertEquals(64, DataSets.open(folder, new Size(size[0], 64)).train().boxes(0).getFirst().y2());
    }
    text("train.json", "[{\"file\": \"a.jpg\", \"width\": 40, \"height\": 30, \"boxes\": [[\"z\", 1, 1, 2, 2]]}]");
    refused("a.jpg", "40 x 30");
  }

  @Test
  void tooLarge() throws IOException {
    picture("a.png", 8, 6);
    text("a.txt", "0 0.5 0.5 1 1");
    text("classes.txt", "thing");
    String message = assertThrows(DataException.class, () -> DataSets.open(folder, new Size(60000,
        60000))).getMessage();
    assertTrue(message.contains("choose a smaller size"), message);
  }

  /** Whatever byte of the notes is wrong: they are read or refused. */
  @Test
  void fuzz() throws IOException {
    picture("b.png", 8, 6);
    picture("a.png", 8, 6);
    byte[] coco = COCO.getBytes(StandardCharsets.UTF_8);
    byte[] xml = XML.getBytes(StandardCharsets.UTF_8);
    Random random = new Random(3);
    int read = 0;
    for (int k = 0; k < 400; k++) {
      byte[] bytes = (k % 2 == 0 ? coco : xml).clone();
      for (int i = 0; i <= k % 4; i++) {
        int at = random.nextInt(bytes.length);
        while (k % 8 < 4 && !Character.isDigit(bytes[at])) at = random.nextInt(bytes.length);
        bytes[at] = (byte) (k % 8 < 4 ? '0' + random.nextInt(10) : random.nextInt());
      }
      if (k % 2 == 0) {
        Files.write(folder.resolve("train.json"), bytes);
      } else {
        Files.deleteIfExists(folder.resolve("train.json"));
        voc(XML);
        Files.write(folder.resolve("Annotations/a.xml"), bytes);
      }
      Path path = k % 2 == 0 ? folder.resolve("train.json") : folder;
      try {
        DataSet set = DataSets.open(path);
        for (int i = 0; i < set.train().count(); i++) {
          for (LabelledBox b : set.train().boxes(i)) {
            assertTrue(b.x1() >= 0 && b.y1() >= 0 && b.x2() <= 8 && b.y2() <= 6, b.toString());
          }
        }
        read++;
      } catch (DataException e) {
        assertTrue(e.getMessage().contains(folder.toString()), e.getMessage());
      }
    }
    assertTrue(read > 40 && read < 360, read + " of 400 were read");
  }

  @Test
  void truth() {
    Truth boxes = new Truth.Boxes(List.of("a"), List.of(List.of(new LabelledBox(0, 0, 0, 1, 1)), List.of()));
    byte[] values = new byte[2 * 3 * 4];
    Examples e = new Examples("x", new long[] {3, 2, 2}, 256, values, boxes, List.of("one", "two"));
    assertEquals(1, e.boxes(0).size());
    assertEquals("one", e.first(1).file(0));
    assertEquals(1, e.first(1).truth().count());
    assertEquals(List.of(), e.batch(Device.of("java"), 1, 0).boxes().get(0));
    assertEquals(List.of(), e.reshape(12).classes());
    assertThrows(DataException.class, () -> e.map(0));
    assertThrows(DataException.class, () -> e.label(0));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {12}, 256, values, boxes));
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {3, 2, 1}, 256, values, boxes));
    assertThrows(InvalidArgumentException.class,
        () -> new Examples("x", new long[] {3, 2, 2}, 256, values, boxes, List.of("one")));
    Truth maps = new Truth.Maps(List.of("a"), 255, new byte[][] {{0, 0, 0}, {0, -1, 0}});
    assertThrows(InvalidArgumentException.class, () -> new Examples("x", new long[] {3, 2, 2}, 256, values, maps));
    assertThrows(InvalidArgumentException.class, () -> new Truth.Maps(List.of("a"), 255, new byte[][] {{1}}));
    assertThrows(InvalidArgumentException.class, () -> new Truth.Maps(List.of("a"), 0, new byte[][] {{0}}));
    assertThrows(InvalidArgumentException.class,
        () -> new Truth.Boxes(List.of("a"), List.of(List.of(new LabelledBox(1, 0, 0, 1, 1)))));
    for (List<String> bad : List.of(List.of("a", "a"), List.of(" "), List.of("a\nb"))) {
      assertThrows(InvalidArgumentException.class, () -> new Truth.Boxes(bad, List.of()));
    }
    // A checkpoint's notes keep the names.
    Form form = Form.of(new DataSet("x", e, null, null), 5);
    assertEquals(List.of("a"), form.classes());
    assertEquals(List.of("a"), Form.of(form.notes()).classes());
    assertEquals(List.of(), Form.of(Map.of("data.shape", "3,2,2", "data.levels", "256")).classes());
    form.expect(e, "here");
    Truth other = new Truth.Boxes(List.of("b"), List.of(List.of(), List.of()));
    assertThrows(DataException.class, () -> form.expect(new Examples("x", new long[] {3, 2, 2}, 256, values, other),
        "here"));
    assertThrows(DataException.class, () -> form.expect(new Examples("x", new long[] {3, 1, 4}, 256, values, boxes),
        "here"));
  }
}
