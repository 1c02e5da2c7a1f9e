//! The articles: read from a file, or invented with the lengths and the languages of news feeds.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::{
    arguments::Arguments,
    dice::Dice,
    tongues::{TONGUES, Tongue},
};

/// An article as the engine gets it: plain text.
pub(crate) struct Article {
    pub(crate) title: String,
    pub(crate) text: String,
}

impl Article {
    pub(crate) const fn bytes(&self) -> usize {
        self.title.len() + self.text.len()
    }
}

/// The articles that were asked for.
pub(crate) fn all(arguments: &Arguments) -> anyhow::Result<Vec<Article>> {
    let articles = match &arguments.articles {
        Some(file) => read(file, arguments.count)?,
        None => invented(arguments.count),
    };
    anyhow::ensure!(!articles.is_empty(), "there are no articles");
    Ok(articles)
}

fn read(file: &Path, count: usize) -> anyhow::Result<Vec<Article>> {
    let lines = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut articles = Vec::new();
    for line in lines.lines().take(count) {
        let mut fields = line.split('\t').skip(2);
        let field = fields.next().zip(fields.next());
        let (title, text) = field.context("a line is to be id, language, title, text")?;
        articles.push(Article {
            title: title.to_owned(),
            text: text.to_owned(),
        });
    }
    Ok(articles)
}

fn invented(count: usize) -> Vec<Article> {
    let mut dice = Dice::new(1);
    let words: Vec<Vec<String>> = TONGUES
        .iter()
        .map(|tongue| tongue.words(&mut dice))
        .collect();
    (0..count)
        .map(|_| {
            let (tongue, words) = tongue_of(&words, &mut dice);
            article(tongue, words, &mut dice)
        })
        .collect()
}

/// A language, as often as it has articles.
fn tongue_of<'a>(words: &'a [Vec<String>], dice: &mut Dice) -> (&'static Tongue, &'a [String]) {
    let mut at = dice.below(1_000);
    for (tongue, words) in TONGUES.iter().zip(words) {
        if at < tongue.share {
            return (tongue, words);
        }
        at -= tongue.share;
    }
    (&TONGUES[0], &words[0])
}

fn article(tongue: &Tongue, words: &[String], dice: &mut Dice) -> Article {
    let mut title = String::new();
    tongue.sentence(6 + dice.below(6), words, dice, &mut title);
    let title = title.trim_end_matches(['.', ' ', '。']).to_owned();
    // Short summaries are many, long ones few.
    let sentences = 2 + dice.below(4) + 2 * dice.below(4);
    let mut text = String::new();
    for _ in 0..sentences {
        tongue.sentence(8 + dice.below(14), words, dice, &mut text);
    }
    Article {
        title,
        text: text.trim_end().to_owned(),
    }
}
