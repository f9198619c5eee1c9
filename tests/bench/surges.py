#!/usr/bin/env python3
"""Plants surges of negative news in dated ones and judges the alerts of `lockstep monitor`.

    surges.py reuters FOLDER OUT        from Reuters-21578's files: OUT/news.jsonl (all stories in the order of time: title
                                        and first sentence) and OUT/topics-train.jsonl, topics-test.jsonl (labelled)
    surges.py sentences FILE OUT        from PhraseBank's lines: OUT/mood-train.jsonl and, a fifth, OUT/mood-test.jsonl
    surges.py mix OUT                   from both: OUT/topics-mixed.jsonl, where the stories also come as their title alone, as
                                        title and a sentence of PhraseBank, and as single sentences from further down, and
                                        OUT/mood-mixed.jsonl, where the sentences also come behind titles
    surges.py plant NEWS --titles topics-test.jsonl --sentences mood-test.jsonl --out PLANTED --truth TRUTH [--seed S] ...
    surges.py judge TRUTH RESULTS       recall of the surges, and false alerts a month of news time

A planted text is the title of a story that is labelled with the topic, and behind it a sentence that readers found
negative: neither was seen in training, and neither is chosen by what a model thinks of it.
"""

import argparse
import collections
import datetime
import glob
import gzip
import html
import json
import pathlib
import random
import re

TOPICS = ["earn", "acq", "money-fx", "grain", "crude", "trade", "interest", "ship", "wheat", "corn"]
PLANTED = ["earn", "acq", "money-fx", "grain", "crude", "trade", "interest", "ship"]
LAYOUT = "%Y-%m-%d %H:%M:%S"
LONGEST = 40  # words of a text
SENTENCE_END = r"(?<=[a-z)])\.\s"


def lines_of(path):
    with open(path) as file:
        return [json.loads(line) for line in file]


def write_lines(path, records):
    with open(path, "w") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def short_text(title, body):
    """Title and first sentence."""
    first = re.split(SENTENCE_END, " ".join(body.split()))[0]
    return " ".join(f"{title}. {first}".split()[:LONGEST])


def further_sentences(body):
    """Up to eight behind the first one that are made of words, not of figures."""
    sentences = re.split(SENTENCE_END, " ".join(body.split()))[1:]
    worded = [sentence.split() for sentence in sentences if sum(word.isalpha() for word in sentence.split()) >= 8]
    return [" ".join(words[:LONGEST]) for words in worded[:8]]


def reuters(arguments):
    news, labelled = [], collections.defaultdict(list)
    for name in sorted(glob.glob(f"{arguments.folder}/reut2-*.sgm")):
        for story in re.findall("<REUTERS(.*?)</REUTERS>", open(name, encoding="latin-1").read(), re.S):
            part = {tag: html.unescape(found[1]) if (found := re.search(f"<{tag}>(.*?)</{tag}>", story, re.S)) else ""
                    for tag in ("DATE", "TITLE", "BODY", "TOPICS")}
            title = " ".join(part["TITLE"].split())
            text = short_text(title, part["BODY"])
            if len(text) < 5:
                continue
            day, month, year, clock = re.search(r"(\d+)-([A-Z]{3})-(\d{4})\s+\d?(\d\d:\d\d:\d\d)", part["DATE"]).groups()
            time = datetime.datetime.strptime(f"{day} {month} {year} {clock}", "%d %b %Y %H:%M:%S")
            number = re.search('NEWID="(.*?)"', story)[1]
            news.append({"id": int(number), "time": time.strftime(LAYOUT), "text": text})
            split = re.search('LEWISSPLIT="(.*?)"', story)[1].lower()
            if split in ("train", "test") and 'TOPICS="YES"' in story:
                topics = [topic for topic in re.findall("<D>(.*?)</D>", part["TOPICS"]) if topic in TOPICS]
                labelled[split].append({"text": text, "title": title, "label": topics, "further": further_sentences(part["BODY"])})
    write_lines(arguments.out / "news.jsonl", sorted(news, key=lambda story: (story["time"], story["id"])))
    for split, records in labelled.items():
        write_lines(arguments.out / f"topics-{split}.jsonl", records)


def sentences(arguments):
    split = collections.defaultdict(list)
    lines = gzip.open(arguments.file, "rt", encoding="utf-8-sig").read().splitlines()
    chosen = random.Random(1)
    for line in lines:
        text, label = line.rsplit("@", 1)
        split["test" if chosen.random() < 0.2 else "train"].append({"text": text.strip(), "label": label.strip()})
    for name, records in split.items():
        write_lines(arguments.out / f"mood-{name}.jsonl", records)


def mix(arguments):
    """What a title says of the topic, and a sentence of the mood, whatever it stands beside; training texts only."""
    chosen, sampled = random.Random(1), random.Random(1)
    stories, moods = (lines_of(arguments.out / name) for name in ("topics-train.jsonl", "mood-train.jsonl"))
    topics, mixed = [], []
    for story in stories:
        texts = [story["text"], story["title"], *(f"{story['title']}. {chosen.choice(moods)['text']}" for _ in range(arguments.sentences)),
                 *sampled.sample(story["further"], min(arguments.further, len(story["further"])))]
        topics += [{"text": text, "label": story["label"]} for text in texts]
    for mood in moods:
        texts = [mood["text"], *(f"{chosen.choice(stories)['title']}. {mood['text']}" for _ in range(arguments.titles))]
        mixed += [{"text": text, "label": mood["label"]} for text in texts]
    write_lines(arguments.out / "topics-mixed.jsonl", topics)
    write_lines(arguments.out / "mood-mixed.jsonl", mixed)


def plant(arguments):
    chosen = random.Random(arguments.seed)
    news = lines_of(arguments.news)
    stories = lines_of(arguments.titles)
    bad = [record["text"] for record in lines_of(arguments.sentences) if record["label"] == "negative"]
    times = [datetime.datetime.strptime(story["time"], LAYOUT) for story in news]
    begins = [time for time in times if arguments.begin <= time.strftime(LAYOUT) < arguments.end and time.weekday() < 5]
    truth, planted = [], []
    while len(truth) < arguments.surges:
        topic, begin = chosen.choice(PLANTED), chosen.choice(begins)
        if any(topic in one["topics"] and abs(begin - one["at"]).total_seconds() < 3 * 86400 for one in truth):
            continue
        minutes, size = chosen.uniform(60, 360), chosen.randint(arguments.smallest, arguments.largest)
        texts = [story for story in stories if topic in story["label"]]
        counted = collections.Counter()
        for _ in range(size):
            story = chosen.choice(texts)
            counted.update(story["label"])
            time = begin + datetime.timedelta(minutes=chosen.uniform(0, minutes))
            planted.append({"id": f"surge-{len(truth)}", "time": time.strftime(LAYOUT),
                            "text": f"{story['title']}. {chosen.choice(bad)}"})
        truth.append({"at": begin, "topic": topic, "from": begin.strftime(LAYOUT), "texts": size,
                      "to": (begin + datetime.timedelta(minutes=minutes)).strftime(LAYOUT),
                      "topics": [name for name, count in counted.items() if count > size / 5]})
    for one in truth:
        del one["at"]
    days = {story["time"][:10] for story in news}
    write_lines(arguments.truth, [{"days": len(days)}, *sorted(truth, key=lambda one: one["from"])])
    everything = [story for story in news + planted if arguments.first <= story["time"] < arguments.end]
    write_lines(arguments.out, sorted(everything, key=lambda story: story["time"]))


def judge(arguments):
    """An alert finds a surge when it names its topic and comes before `patience` hours after its end are over."""
    truth = lines_of(arguments.truth)[1:]
    results = lines_of(arguments.results)
    days = len({line["time"][:10] for line in results if "time" in line and line["time"] >= arguments.begin})
    found, false = set(), []
    delays = []
    for alert in (line for line in results if "alert" in line and line["to"] >= arguments.begin):
        at = datetime.datetime.strptime(alert["to"], LAYOUT)
        matches = []
        for number, one in enumerate(truth):
            begin, end = (datetime.datetime.strptime(one[key], LAYOUT) for key in ("from", "to"))
            if alert["alert"] in one["topics"] and begin <= at <= end + datetime.timedelta(hours=arguments.patience):
                matches.append(number)
                if alert["alert"] == one["topic"] and number not in found:
                    found.add(number)
                    delays.append((at - begin).total_seconds() / 3600)
        if not matches:
            false.append(alert)
    months = days / 30
    print(json.dumps({"surges": len(truth), "found": len(found), "recall": len(found) / max(1, len(truth)),
                      "false_alerts": len(false), "months": round(months, 3),
                      "false_alerts_a_month": round(len(false) / months, 3) if months else None,
                      "hours_to_alert": round(sorted(delays)[len(delays) // 2], 2) if delays else None}))
    for alert in false if arguments.show else []:
        print("false:", json.dumps(alert))
    for number, one in enumerate(truth if arguments.show else []):
        if number not in found:
            print("missed:", json.dumps(one))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(required=True)
    verb = kinds.add_parser("reuters")
    verb.add_argument("folder")
    verb.add_argument("out", type=pathlib.Path)
    verb.set_defaults(run=reuters)
    verb = kinds.add_parser("sentences")
    verb.add_argument("file")
    verb.add_argument("out", type=pathlib.Path)
    verb.set_defaults(run=sentences)
    verb = kinds.add_parser("mix")
    verb.add_argument("out", type=pathlib.Path)
    verb.add_argument("--sentences", type=int, default=2, help="new texts of each title")
    verb.add_argument("--further", type=int, default=3, help="sentences of each story by themselves")
    verb.add_argument("--titles", type=int, default=3, help="new texts of each sentence")
    verb.set_defaults(run=mix)
    verb = kinds.add_parser("plant")
    verb.add_argument("news")
    for name in ("--titles", "--sentences", "--out", "--truth"):
        verb.add_argument(name, required=True)
    verb.add_argument("--seed", type=int, default=1)
    verb.add_argument("--surges", type=int, default=10)
    verb.add_argument("--smallest", type=int, default=20, help="texts of a surge, at least")
    verb.add_argument("--largest", type=int, default=40, help="and at most")
    verb.add_argument("--first", default="0", help="leave out what is older")
    verb.add_argument("--begin", default="0", help="no surge before this time")
    verb.add_argument("--end", default="9", help="nothing from this time on")
    verb.set_defaults(run=plant)
    verb = kinds.add_parser("judge")
    verb.add_argument("truth")
    verb.add_argument("results")
    verb.add_argument("--begin", default="0", help="alerts and days before this time do not count")
    verb.add_argument("--patience", type=float, default=6, help="hours after a surge in which an alert finds it")
    verb.add_argument("--show", action="store_true", help="what was missed, and false alerts")
    verb.set_defaults(run=judge)
    arguments = parser.parse_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
