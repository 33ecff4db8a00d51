package org.ondol.models.data;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.xml.XMLConstants;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.xml.sax.SAXException;
import org.xml.sax.helpers.DefaultHandler;

/**
 * A folder in the form of Pascal VOC (M. Everingham et al. 2010): JPEGImages, Annotations with an XML file a picture, and
 * lists of names in ImageSets/Main. Boxes are by first and last pixels, counted from 1.
 */
final class VocFolder {
  private static final String LISTS = "ImageSets/Main";
  private static final long MOST_BYTES = 1 << 24;

  private VocFolder() {}

  static boolean is(Path folder) {
    return Files.isDirectory(folder.resolve("Annotations")) && Files.isDirectory(folder.resolve("JPEGImages"));
  }

  /** Parts are train.txt, val.txt and test.txt; trainval.txt where there is no train.txt. */
  static Map<String, List<Source>> read(Path folder) {
    Path lists = folder.resolve(LISTS);
    Path train = TextLines.find(lists, "train.txt", "trainval.txt");
    if (train == null) throw new DataException(lists + " has neither train.txt nor trainval.txt");
    Map<String, List<Source>> parts = new LinkedHashMap<>();
    parts.put("train", part(folder, train));
    if (train.endsWith("train.txt") && Files.exists(lists.resolve("val.txt"))) {
      parts.put("valid", part(folder, lists.resolve("val.txt")));
    }
    if (Files.exists(lists.resolve("test.txt"))) parts.put("test", part(folder, lists.resolve("test.txt")));
    return parts;
  }

  private static List<Source> part(Path folder, Path list) {
    DocumentBuilder parser = parser();
    List<Source> sources = new ArrayList<>();
    for (String line : TextLines.of(list)) {
      String name = line.split("\\s")[0]; // lists of a class have a second column
      sources.add(picture(parser, folder, Source.within(folder.resolve("Annotations"), name + ".xml", list), name));
    }
    return sources;
  }

  /** One that follows no reference out of the document, and refuses what could define entities. */
  private static DocumentBuilder parser() {
    try {
      DocumentBuilderFactory factory = DocumentBuilderFactory.newDefaultInstance();
      factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
      factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
      factory.setXIncludeAware(false);
      factory.setExpandEntityReferences(false);
      DocumentBuilder parser = factory.newDocumentBuilder();
      parser.setErrorHandler(new DefaultHandler()); // throws what is fatal, prints nothing
      return parser;
    } catch (ParserConfigurationException e) {
      throw new IllegalStateException("the JDK's XML parser has no secure mode", e);
    }
  }

  private static Source picture(DocumentBuilder parser, Path folder, Path file, String name) {
    Element root = parse(parser, file);
    Path pictures = folder.resolve("JPEGImages");
    Path picture = TextLines.find(pictures, name + ".jpg", name + ".jpeg", name + ".png");
    if (picture == null) throw new DataException(file + ": there is no picture " + pictures.resolve(name + ".jpg"));
    double width = 0;
    double height = 0;
    List<Source.Noted> objects = new ArrayList<>();
    for (Element e : children(root)) {
      if (e.getTagName().equals("size")) {
        width = number(file, e, "width");
        height = number(file, e, "height");
        if (!(width >= 1 && height >= 1)) throw new DataException(file + " says that the picture has no extent");
      } else if (e.getTagName().equals("object")) {
        objects.add(object(file, e));
      }
    }
    return new Source(picture, file, width, height, objects, null);
  }

  private static Element parse(DocumentBuilder parser, Path file) {
    try {
      if (Files.size(file) > MOST_BYTES) throw new DataException(file + " has over " + MOST_BYTES + " bytes");
      try (InputStream in = Files.newInputStream(file)) {
        Element root = parser.parse(in).getDocumentElement();
        if (!root.getTagName().equals("annotation")) {
          throw new DataException(file + " is of <" + root.getTagName() + ">, expected <annotation>");
        }
        return root;
      }
    } catch (NoSuchFileException e) {
      throw new DataException("cannot read " + file + ": no such file", e);
    } catch (SAXException e) {
      throw new DataException(file + " is no XML that is read here: " + e.getMessage(), e);
    } catch (IOException e) {
      throw new DataException("cannot read " + file + ": " + e.getMessage(), e);
    }
  }

  private static Source.Noted object(Path file, Element object) {
    Element box = child(file, object, "bndbox");
    boolean difficult = children(object).stream()
        .anyMatch(e -> e.getTagName().equals("difficult") && e.getTextContent().strip().equals("1"));
    return Source.Noted.ofPascal(child(file, object, "name").getTextContent().strip(), number(file, box, "xmin"),
        number(file, box, "ymin"), number(file, box, "xmax"), number(file, box, "ymax"), difficult);
  }

  private static List<Element> children(Element parent) {
    List<Element> all = new ArrayList<>();
    for (Node n = parent.getFirstChild(); n != null; n = n.getNextSibling()) if (n instanceof Element e) all.add(e);
    return all;
  }

  private static Element child(Path file, Element parent, String name) {
    for (Element e : children(parent)) if (e.getTagName().equals(name)) return e;
    throw new DataException(file + " has no <" + name + "> in <" + parent.getTagName() + ">");
  }

  private static double number(Path file, Element parent, String name) {
    String text = child(file, parent, name).getTextContent().strip();
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new DataException(file + " has \"" + text + "\" in <" + name + ">, expected a number", e);
    }
  }
}
