//! Lists names from many countries, and writes them in the letters that addresses allow.

/// Is a culture: where its people live, and what they are called.
pub(super) struct Culture {
    /// Two-letter codes.
    pub(super) countries: &'static [&'static str],
    /// The region of the company that these countries belong to.
    pub(super) region: usize,
    given: &'static str,
    surnames: &'static str,
}

/// Gives the language that most people of a country read.
pub(super) fn language(country: &str) -> &'static str {
    match country {
        "DE" => "de-DE",
        "AT" => "de-AT",
        "CH" => "de-CH",
        "GB" => "en-GB",
        "IE" => "en-IE",
        "FR" => "fr-FR",
        "BE" => "fr-BE",
        "SE" => "sv-SE",
        "DK" => "da-DK",
        "NO" => "nb-NO",
        "FI" => "fi-FI",
        "PL" => "pl-PL",
        "CZ" => "cs-CZ",
        "RO" => "ro-RO",
        "BG" => "bg-BG",
        "ES" => "es-ES",
        "MX" => "es-MX",
        "AR" => "es-AR",
        "CO" => "es-CO",
        "BR" => "pt-BR",
        "PT" => "pt-PT",
        "CA" => "fr-CA",
        "IN" => "en-IN",
        "SG" => "en-SG",
        "JP" => "ja-JP",
        "TW" => "zh-TW",
        "HK" => "zh-HK",
        "AE" | "EG" => "ar",
        "NG" => "en-NG",
        "ZA" => "en-ZA",
        "TR" => "tr-TR",
        _ => "en-US",
    }
}

/// The regions of the company.
pub(super) const REGIONS: [&str; 4] = ["Europe", "Americas", "Asia Pacific", "Middle East and Africa"];

/// So many given names and surnames has each culture.
pub(super) const GIVEN: usize = 24;
pub(super) const SURNAMES: usize = 30;

/// The surnames differ between cultures, so that no two people can share an address by chance.
pub(super) const CULTURES: [Culture; 12] = [
    Culture {
        countries: &["DE", "AT", "CH"],
        region: 0,
        given: "Anna Jürgen Käthe Lukas Sophie Maximilian Jörg Lena Félix Hannah Björn Greta Moritz Zoë Klaus Ursula \
                Sebastian Friederike Günther Marlene Tobias Heike Ömer Annegret",
        surnames: "Müller Schäfer Weiß Großmann Krüger Böhm Schröder Vogt Zimmermann Hoffmann Köhler Lindner Baumann \
                   Kühn Fuchs Winkler Jäger Ziegler Brandt Seidel Pfeiffer Haas Engelhardt Thiele Voß Hübner Reuter \
                   Löffler Kuhlmann Strauß",
    },
    Culture {
        countries: &["GB", "IE"],
        region: 0,
        given: "Oliver Aoife Niamh George Siobhán Harry Amelia Freya Rhys Seán Charlotte Alistair Eilidh Callum Megan \
                Róisín Hamish Imogen Gareth Fiona Duncan Beatrice Ciarán Nerys",
        surnames: "O'Brien O'Sullivan Smith Taylor Evans Hughes MacDonald Fitzgerald Byrne Walsh Ó_Dálaigh Bennett \
                   Ashworth Pemberton Llewellyn Campbell Sinclair D'Arcy Whitfield Kavanagh McCarthy Thornton Griffiths \
                   Blackwood Hargreaves Doyle Murphy Fairchild Penrose Gallagher",
    },
    Culture {
        countries: &["FR", "BE"],
        region: 0,
        given: "Amélie François Chloé Jérôme Léa Benoît Hélène Théo Zélie Gaël Margaux Anaïs Étienne Maëlle Rémy \
                Océane Loïc Solène Cédric Élodie Mathéo Noémie Aurélien Inès",
        surnames: "Dubois Lefèvre Moreau L'Hermite D'Alembert Garnier Béranger Châtelain Rousseau Gauthier Blanchard \
                   Delacroix Marchand Fournier Guérin Hébert Legrand Pelletier Renaud Saint-Martin Thibault Vasseur \
                   Barbier Carpentier Deschamps Fontaine Lacroix Mercier Poirier Tessier",
    },
    Culture {
        countries: &["SE", "DK", "NO", "FI"],
        region: 0,
        given: "Søren Åsa Björk Ingrid Øystein Mikkel Freja Håkan Linnéa Jørgen Sigrid Väinö Aino Torbjørn Astrid Göran \
                Märta Lars Kjersti Eero Signe Rasmus Ylva Pekka",
        surnames: "Lindqvist Sørensen Kjær Åkesson Bergström Haugen Nygård Øvergaard Virtanen Korhonen Mäkinen Sjöberg \
                   Dahl Holmgren Söderström Jørgensen Bråten Lähteenmäki Nordström Ekström Strand Hämäläinen Västerås \
                   Rønning Granlund Skarsgård Ødegaard Laine Östlund Vinter",
    },
    Culture {
        countries: &["PL", "CZ", "RO", "BG"],
        region: 0,
        given: "Łukasz Agnieszka Jiří Kateřina Ștefan Małgorzata Zbigniew Ondřej Božena Krzysztof Ioana Tomáš Elżbieta \
                Václav Mirela Radosław Šárka Nikolai Žofie Paweł Desislava Andrei Růžena Grzegorz",
        surnames: "Kowalski Nováková Dvořák Wiśniewski Popescu Wójcik Černý Ionescu Zieliński Procházka Łapiński Horák \
                   Munteanu Dąbrowski Svoboda Țăranu Piątek Kučera Stoyanov Krawczyk Růžička Gheorghiu Błaszczyk \
                   Němec Dimitrov Żurek Jelínek Mazur Petrova Sedláček",
    },
    Culture {
        countries: &["ES", "MX", "AR", "CO"],
        region: 1,
        given: "José Lucía Íñigo Begoña Andrés Sofía Ángel Núria Joaquín María Ramón Verónica Xavier Pilar Raúl Inmaculada \
                Héctor Ximena Óscar Valentina Emilio Catalina Tomasa Jesús",
        surnames: "Muñoz Ibáñez Peña García_Lorca Fernández Núñez Gutiérrez Rodríguez Del_Río Castaño Vázquez Ordóñez \
                   Serrano Echeverría Zúñiga Jiménez Cárdenas Montoya Quiñones Salazar Agüero Villanueva Cortés Bermúdez \
                   Narváez Olmedo Escobar Treviño Balboa Urrutia",
    },
    Culture {
        countries: &["BR", "PT"],
        region: 1,
        given: "João Inês Luís Conceição Thiago Beatriz Gonçalo Letícia Vinícius Júlia Sebastião Mariana Antônio Patrícia \
                Estêvão Bárbara Otávio Débora Rogério Luísa Márcio Fátima Simão Teresa",
        surnames: "Silva Gonçalves Araújo Assunção Magalhães Conceição_Lima Carvalho Simões Figueirêdo Brandão Pinheiro \
                   Queirós Tavares Guimarães Leitão Falcão Nóbrega Barros Mourão Sá Camões Vasconcelos Rebelo \
                   Fonseca Teixeira Cunha Azevedo Furtado Monteiro Paixão",
    },
    Culture {
        countries: &["US", "CA"],
        region: 1,
        given: "Emma Liam Jayden Madison DeShawn Harper Tyler Savannah Mason Avery Logan Chloe Brandon Kayla Hunter \
                Destiny Wyatt Aaliyah Carter Mackenzie Austin Brooklyn Dakota Peyton",
        surnames: "Johnson Williams Brown Davis Miller Wilson Anderson Jackson Harris Robinson Lewis Washington Coleman \
                   Henderson Patterson Begay Tsosie Kowalczyk Nguyen-Carter St._Claire Goldberg Freeman Hawkins Parker \
                   Reynolds Sullivan_Jr Tremblay Bouchard Fraser MacLeod",
    },
    Culture {
        countries: &["IN", "SG"],
        region: 2,
        given: "Priya Arjun Lakshmi Rohan Ananya Vikram Meera Sanjay Deepika Karthik Aishwarya Rahul Nandini Suresh Kavya \
                Harpreet Ishaan Padma Gurpreet Divya Ravi Shreya Anand Zainab",
        surnames: "Raghunathan Iyer Chatterjee Patel Krishnamurthy Singh_Gill Banerjee Deshpande Venkataraman Menon Reddy \
                   Kapoor Subramaniam Bhattacharya Joshi Nair Mukherjee Agarwal Pillai Chaudhary Srinivasan Malhotra \
                   Thakur Bose Kulkarni Rao Sharma Gupta Mehta Verma",
    },
    Culture {
        countries: &["JP"],
        region: 2,
        given: "Haruto/陽翔 Yui/結衣 Sōta/颯太 Hina/陽菜 Yūto/悠斗 Sakura/桜 Ren/蓮 Aoi/葵 Kenji/健二 Mei/芽依 Takumi/匠 Yōko/洋子 \
                Daichi/大地 Rin/凛 Shōta/翔太 Emi/恵美 Kaito/海斗 Naoko/直子 Ryō/涼 Kaori/香織 Jun/純 Tomoko/智子 Akira/明 Misaki/美咲",
        surnames: "Satō/佐藤 Suzuki/鈴木 Takahashi/高橋 Tanaka/田中 Itō/伊藤 Watanabe/渡辺 Yamamoto/山本 Nakamura/中村 \
                   Kobayashi/小林 Katō/加藤 Yoshida/吉田 Yamada/山田 Sasaki/佐々木 Yamaguchi/山口 Matsumoto/松本 Inoue/井上 \
                   Kimura/木村 Hayashi/林 Shimizu/清水 Saitō/斎藤 Mori/森 Abe/阿部 Ikeda/池田 Hashimoto/橋本 Ishikawa/石川 \
                   Ogawa/小川 Gotō/後藤 Okada/岡田 Hasegawa/長谷川 Fujita/藤田",
    },
    Culture {
        countries: &["TW", "HK", "SG"],
        region: 2,
        given: "Wei/偉 Xiǎoyàn/曉燕 Jùn/俊 Lì/麗 Míng/明 Fāng/芳 Qiáng/強 Méi/梅 Hǎo/浩 Jìng/靜 Lěi/磊 Yīng/英 Jié/傑 Xuě/雪 \
                Tāo/濤 Lán/蘭 Bó/博 Yún/雲 Chéng/成 Huì/慧 Péng/鵬 Zhēn/珍 Kǎi/凱 Ruì/瑞",
        surnames: "Wáng/王 Lǐ/李 Zhāng/張 Liú/劉 Chén/陳 Yáng/楊 Huáng/黃 Zhào/趙 Wú/吳 Zhōu/周 Xú/徐 Sūn/孫 Mǎ/馬 Zhū/朱 Hú/胡 \
                   Guō/郭 Hé/何 Lín/林 Gāo/高 Luó/羅 Zhèng/鄭 Liáng/梁 Xiè/謝 Sòng/宋 Táng/唐 Kǒng/孔 Dèng/鄧 Hán/韓 Féng/馮 Cáo/曹",
    },
    Culture {
        countries: &["AE", "NG", "ZA", "EG", "TR"],
        region: 3,
        given: "Fatima Chukwuemeka Ayşe Oluwaseun Thandiwe Ahmed Ngozi Mehmet Zanele Layla Sipho Çağla Yusuf Adaeze İbrahim \
                Nomvula Khalid Gülşen Babajide Amina Tariq Lindiwe Şule Obinna",
        surnames: "Okafor Yılmaz Nkosi Al-Masri Adébáyọ̀ Öztürk Dlamini El-Sayed Çelik Eze Mokoena Haddad Şahin Balogun \
                   Van_der_Merwe Al_Mansoori Kılıç Mbeki Abdelrahman Aydoğan Nwosu Khumalo Farouk Güneş Ogunleye Botha \
                   Hashemi Doğan Zulu Bin_Rashid",
    },
];

/// Is a name as its bearer writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) given: String,
    pub(super) surname: String,
    /// In the bearer's own script, where that is not the Latin one.
    pub(super) native: Option<String>,
}

impl Culture {
    /// Puts a name together from a given name and a surname, by their places.
    pub(super) fn name(&self, given: usize, surname: usize) -> Name {
        let (given, surname) = (pick(self.given, given), pick(self.surnames, surname));
        let native = given.1.zip(surname.1).map(|(given, surname)| format!("{surname}{given}"));
        Name { given: given.0, surname: surname.0, native }
    }
}

fn pick(words: &str, at: usize) -> (String, Option<String>) {
    let word = words.split_whitespace().nth(at).unwrap_or_default();
    let (latin, native) = word.split_once('/').map_or((word, None), |(latin, native)| (latin, Some(native)));
    (latin.replace('_', " "), native.map(str::to_owned))
}

/// Writes a name with the letters and the apostrophe that a user principal name allows.
pub(super) fn transliterate(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    for char in name.chars().flat_map(char::to_lowercase) {
        match char {
            'a'..='z' | '0'..='9' | '\'' | '-' => plain.push(char),
            'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' | 'ǎ' => plain.push('a'),
            'ä' | 'æ' => plain.push_str("ae"),
            'ç' | 'ć' | 'č' => plain.push('c'),
            'ď' | 'đ' => plain.push('d'),
            'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ě' | 'ę' | 'ẹ' => plain.push('e'),
            'ğ' => plain.push('g'),
            'ì' | 'í' | 'î' | 'ï' | 'ī' | 'ı' | 'ǐ' => plain.push('i'),
            'ł' => plain.push('l'),
            'ñ' | 'ń' | 'ň' => plain.push('n'),
            'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ō' | 'ọ' | 'ǒ' => plain.push('o'),
            'ö' | 'œ' => plain.push_str("oe"),
            'ř' => plain.push('r'),
            'ś' | 'š' | 'ş' | 'ș' => plain.push('s'),
            'ß' => plain.push_str("ss"),
            'ť' | 'ț' => plain.push('t'),
            'ù' | 'ú' | 'û' | 'ū' | 'ů' | 'ǔ' => plain.push('u'),
            'ü' => plain.push_str("ue"),
            'ý' | 'ÿ' => plain.push('y'),
            'ź' | 'ż' | 'ž' => plain.push('z'),
            // Spaces, full stops and combining marks have no place in an address.
            _ => {}
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_culture_has_as_many_names_as_it_claims() {
        for culture in &CULTURES {
            let countries = culture.countries;
            assert_eq!(culture.given.split_whitespace().count(), GIVEN, "{countries:?}");
            assert_eq!(culture.surnames.split_whitespace().count(), SURNAMES, "{countries:?}");
        }
    }

    #[test]
    fn every_letter_of_every_name_is_transliterated() {
        for culture in &CULTURES {
            for at in 0..SURNAMES {
                let name = culture.name(at % GIVEN, at);
                for part in [&name.given, &name.surname] {
                    let letters = part.chars().filter(|char| char.is_alphabetic() || *char == '\'').count();
                    assert!(transliterate(part).len() >= letters, "{part} became {}", transliterate(part));
                }
            }
        }
        assert_eq!(transliterate("Ó Dálaigh"), "odalaigh");
        assert_eq!(transliterate("O'Brien"), "o'brien");
        assert_eq!(transliterate("Großmann"), "grossmann");
    }

    #[test]
    fn no_two_people_share_an_address_by_chance() {
        let mut seen = std::collections::BTreeSet::new();
        for culture in &CULTURES {
            for at in 0..GIVEN * SURNAMES {
                let name = culture.name(at % GIVEN, at / GIVEN);
                let address = format!("{}.{}", transliterate(&name.given), transliterate(&name.surname));
                assert!(seen.insert(address.clone()), "{address} comes up twice");
            }
        }
    }
}
