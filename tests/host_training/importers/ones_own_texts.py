"""Texts of one author that resemble a chat: what a rule for chats must leave alone."""

from __future__ import annotations

OWN_TEXTS = {
    "play": (
        "Scene 1. A kitchen, at night.\n\nBO: Where is the tea?\nADA: In the box.\n"
        "BO: Again in the box.\nADA: Again.\nBO: And the cups?\nADA: They broke.\n"),
    "notes for a play": (
        "Two people at a mast.\n\nBo: (looks up) It will not hold.\nAda: It held last year.\n"
        "Bo: (sits down) Last year you were not on it.\nAda: (laughs) No.\nBo: So.\n"),
    "story with speech": (
        "We met at the bridge.\n\n\"It is cold,\" said Bo.\n\n\"Yes,\" I said.\n\n\"Then why"
        " are we here?\"\n\nI did not know. Bo: he never asked twice.\n"),
    "essay that quotes a short talk": (
        "I have thought about it for a year now, and it begins with a short talk at the lock.\n\n"
        "Bo: It leaks.\nAda: Where?\nBo: Everywhere.\n\nThat was all we said that day. The water"
        " rose until the evening, and nobody came.\n\nI went home along the canal and wrote it"
        " down.\n\nIt has not left me.\n\nA leak is a small thing, and then it is the whole"
        " thing.\n\nWhoever builds a lock builds a leak.\n"),
    "recipe": "Flour: 500 g\nSalt: 10 g\nWater: 350 g\nTime: an hour\nOven: 220 degrees\n",
    "packing list": "Ada: tent, stove\nBo: rope\nCarl: tea\nDora: maps\n",
    "scores": "Bo: 3\nAda: 5\nBo: 4\nAda: 2\nBo: 6\nAda: 1\n",
    "weather log": (
        "06:00 Wind: four\n06:00 Sky: clear\n12:00 Wind: five\n12:00 Sky: grey\n18:00 Wind: six\n"
        "18:00 Sky: rain\n"),
    "readings": (
        "2021-03-06 08:00 Sugar: 5.1\n2021-03-06 20:00 Pulse: 61\n2021-03-07 08:00 Sugar: 5.4\n"
        "2021-03-07 20:00 Pulse: 63\n2021-03-08 08:00 Sugar: 5.0\n"),
    "day with times": (
        "07:10 Up. Frost on the boat.\n07:45 Tea, and the letter from the mill.\n"
        "09:00 Walked to the lock: nobody there.\n12:30 Soup.\n14:00 The mast, all afternoon.\n"
        "19:20 Home. The heron again.\n"),
    "diary with dates and times": (
        "6 March 2021, 18:00\nI walked to the canal and saw the heron. It did not move for an"
        " hour, and I did not either.\n\n7 March 2021, 21:30\nRain. I stayed in and mended the"
        " sail.\n\n8 March 2021, 07:15\nThe heron is gone.\n"),
    "diary of places": (
        "Lisbon, 18:00\nWe came in with the tide, and the harbour master, a small man with a large"
        " hat, told us where to lie. There was a noise of bells until midnight, and nobody slept,"
        " least of all the dog. I read the old letters again.\n\nPorto, 09:30\nIt rained all"
        " the way, and the road was full of lorries that carried cork. We ate in a shed, and it"
        " was the best meal of the journey, with a wine that had no name on it.\n\nLisbon, 21:00\n"
        "Back again. The harbour master remembered us, and asked after the dog, who had stayed in"
        " Porto with a widow and her nine cats, and who will, I think, be happy there for"
        " good.\n\nPorto, 08:00\nWe fetched the dog. It did not want to come, and I did not want to"
        " make it; in the end the widow decided, as she decides everything in that street.\n"),
    "diary of a day by its meals": (
        "Breakfast\n08:00\nOats and tea.\n\nLunch\n12:00\nSoup.\n\nDinner\n19:00\nBread.\n\n"
        "Breakfast\n08:15\nOats.\n\nLunch\n12:30\nSoup again.\n\nDinner\n19:10\nNothing.\n"),
    "morning pages": (
        "Morning:\nCold, and the stove out. I lay and listened.\n\nEvening:\nThe stove is lit.\n\n"
        "Morning:\nWarm.\n\nEvening:\nBread and a book.\n"),
    "form with headings": (
        "## Monday\n\nDone: the mast\nNext: the sail\n\n## Tuesday\n\nDone: the sail\n"
        "Next: the rope\n\n## Wednesday\n\nDone: nothing\nNext: all of it\n"),
    "form of five keys": "\n".join(
        f"Place: yard {n}\nMood: fair\nBook: the third\nWork: some\nWalk: none\n"
        for n in range(4)),
    "for and against": (
        "Pros:\n- it is light\n- it flies\n\nCons:\n- it is cold\n\nPros:\n- it is cheap\n\nCons:\n"
        "- it breaks\n"),
    "agenda": (
        "9:00 AM Opening\n9:30 AM Talk: balloons over the sea\n10:30 AM Coffee\n11:00 AM Talk:"
        " valves\n12:00 PM Lunch\n1:30 PM Walk\n"),
    "timetable": (
        "Ferry to the island  09:00\nFerry to the mainland  10:00\nFerry to the island  11:00\n"
        "Ferry to the mainland  12:00\nFerry to the island  13:00\nFerry to the mainland  14:00\n"),
    "glossary": (
        "Ballast: what is thrown away to rise.\nValve: what is opened to fall.\n"
        "Envelope: all that holds.\nBurner: the fire, and the noise of it.\n"),
    "questions to myself": (
        "Why do I fly? Because the ground is loud.\n\nWhy do I come back? Because the air is.\n\n"
        "What is left: one question.\n"),
    "letter": (
        "Dear Bo:\n\nThe mast is up. I write at 18:00, and at 19:00 the boat goes.\n\n"
        "PS: bring tea.\n\nYours,\nAda\n"),
    "poem in two voices": (
        "He said: the sea is old.\nShe said: the sea is near.\nHe said: the sea is cold.\n"
        "She said: the sea is here.\n"),
    "commit log": (
        "2021-03-06 18:00 mended the valve\n2021-03-06 19:00 wrote the tests\n"
        "2021-03-07 10:00 mended the tests\n"),
    "markdown with code": (
        "# How it works\n\nThe user sends a line and the response is shown.\n\n"
        "```\n<b>bold</b>\n<i>not</i>\n```\n\nNote: it is slow.\n\nExample: `run`\n\nNote: it is"
        " old.\n"),
    "about talking with machines": (
        "User: a word I dislike. Nobody uses a balloon.\n\nI have talked with a machine for a"
        " winter, and what I remember is the silence behind each answer.\n\nThe assistant never"
        " asks.\n\nThe assistant never tires.\n"),
    "minutes by person": (
        "2021-03-06\nBo: mended the valve\nAda: wrote the tests\n\n2021-03-07\nBo: flew\n"
        "Ada: fell ill\n\n2021-03-08\nBo: slept\nAda: flew\n"),
    "haiku by season": (
        "Spring\nthe hedge is green\n\nWinter\nwho trimmed it?\n\nSpring\nnobody did\n\nWinter\n"
        "the hedge knows\n"),
    "review of a week": (
        "## Went well\n\nThe mast held.\n\n## Went badly\n\nWhy did the valve leak?\n\n"
        "## Went well\n\nThe sail.\n\n## Went badly\n\nNothing, I think.\n"),
    "refrain of two names": (
        "Ada\nwent to the sea\n\nBo\nstayed where he was\n\nAda\ncame back with salt\n\nBo\n"
        "had not moved\n"),
    "birds by dash": (
        "Robin - on the fence at dawn\nWren - in the ivy\nRobin - again, on the spade\n"
        "Wren - singing\nHeron - over the canal\n"),
    "reading list": (
        "Austen - Emma\nEliot - Middlemarch\nAusten - Persuasion\nEliot - Silas Marner\n"),
    "days by dash": (
        "Monday - the mast is up\nTuesday - rain, why always on a Tuesday?\n"
        "Monday - the mast is down\nTuesday - rain\n"),
    "expenses": (
        "2021-03-06;Bakery;bread\n2021-03-06;Mill;flour\n2021-03-07;Bakery;bread\n"
        "2021-03-07;Mill;oats\n"),
    "song": (
        "Chorus\nWhere is the sea?\n\nVerse\nIt left with you.\n\nChorus\nWhere is the sea?\n\n"
        "Verse\nIt left with me.\n"),
    "speech by dashes": (
        "—Hace frío —dijo Bo.\n—Sí —dije.\n—¿Entonces por qué estamos aquí?\nNo lo sabía.\n"),
    "questions by number": (
        "1. Why fly? Because.\n2. Why land? Because.\n3. Why not stay?\n4. Because of tea.\n"),
    "memo": "From: me\nTo: everybody\nDate: today at 18:00\n\nThe mast is up.\n",
    "essay that quotes": (
        "\"A hedge is a slow wall.\" — Bo\n\nI have thought about this for a year.\n\n"
        "A wall does not grow, and a hedge does not stand.\n\n\"And yet.\" — Bo\n"),
    "log of an ascent": (
        "[18:00:05] let go\n[18:00:09] over the trees\n[18:02:00] over the canal\n"
        "[18:09:30] white\n"),
    "work log by place": (
        "Monday 9:00\nThe mill: nobody.\n\nTuesday 9:30\nThe lock: it leaks.\n\nMonday 8:50\n"
        "The mill again.\n"),
}
